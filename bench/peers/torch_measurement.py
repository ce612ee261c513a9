"""What the PyTorch peers have in common: their options, their clock, and the line that each measurement prints."""

import argparse
import json
import os
import pathlib
import re
import statistics
import sys
import time


class Measurement:
    """Reads the command line, sets PyTorch's threads and seed; then measures and prints rows."""

    def __init__(self, program, description):
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--threads", type=int, default=1)
        parser.add_argument("--seconds", type=float, default=0.3, help="time of each measurement")
        parser.add_argument("--clock", choices=("wall", "cpu"), default="wall",
                            help="cpu: processor time of this process, for one thread on a machine that others use too")
        parser.add_argument("--filter", default="", help="only rows whose name matches this regular expression")
        self.arguments = parser.parse_args()
        os.environ.setdefault("OMP_NUM_THREADS", str(self.arguments.threads))
        try:
            import torch
        except ImportError as reason:
            sys.exit(f"{pathlib.Path(program).name}: {sys.executable} has no PyTorch ({reason}); run it with a python3 that has")
        self.torch = torch
        torch.set_num_threads(self.arguments.threads)
        torch.manual_seed(1)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.clock = time.process_time if self.arguments.clock == "cpu" and self.device == "cpu" else time.perf_counter

    def wait(self):
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def seconds_of(self, work):
        """The median time of one call of work()."""
        for _ in range(3):
            work()
        self.wait()
        begun = self.clock()
        work()
        self.wait()
        once = max(self.clock() - begun, 1e-7)
        calls = max(1, int(self.arguments.seconds / 9 / once))
        times = []
        for _ in range(9):
            begun = self.clock()
            for _ in range(calls):
                work()
            self.wait()
            times.append((self.clock() - begun) / calls)
        return statistics.median(times)

    def wanted(self, name):
        return re.search(self.arguments.filter, f"{name}/torch/{self.device}")

    def report(self, name, unit, amount, ways):
        """ways: {how: call}; the fastest is printed as amount / seconds, in units of 1e9 but for counts a second."""
        if not self.wanted(name):
            return
        name = f"{name}/torch/{self.device}"
        scale = 1 if unit in ("samples/s", "iteration/s") else 1e-6 if unit.startswith("M") else 1e-9
        times, errors = {}, []
        for how, call in ways.items():
            try:
                times[how] = self.seconds_of(call)
            except (RuntimeError, NotImplementedError) as reason:
                errors.append(f"{how}: {str(reason).splitlines()[0]}")
        if not times:
            print(json.dumps({"name": name, "error_occurred": True, "error_message": "; ".join(errors)}), flush=True)
            return
        how = min(times, key=times.get)
        print(json.dumps({"name": name, "rate": amount / times[how] * scale, "unit": unit, "how": how,
                          "torch": self.torch.__version__}), flush=True)
