"""What the side_by_side programs have in common: ours and PyTorch's rows, one after the other on the same processors,
several times, and the report of medians and ratios."""

import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys


def last_line(text):
    return (text.strip() or "no message").splitlines()[-1]


def number(values):
    if not values:
        return "-"
    value = statistics.median(values)
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def ratio(values, others):
    """Of the medians, and in brackets of the best runs: on a shared machine they differ."""
    if not values or not others:
        return 0.0, "-"
    median = statistics.median(values) / statistics.median(others)
    return median, f"{median:.2f} ({max(values) / max(others):.2f})"


def listed(title, entries):
    return [f"{title}: {len(entries) or 'none'}", "", *[f"- {entry}" for entry in entries], ""]


class Comparison:
    """`name` is the result's: bench/results/<machine>/<name>.md."""

    def __init__(self, program, description, name, programs, cores=1):
        self.program, self.name = pathlib.Path(program).resolve(), name
        self.here, self.root = self.program.parent, self.program.parent.parent.parent
        own = sorted(os.sched_getaffinity(0))
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--build", default=str(self.root / "build/release"), help="the build folder")
        parser.add_argument("--python", default="python3", help="a python3 that has PyTorch")
        parser.add_argument("--runs", type=int, default=2)
        parser.add_argument("--core", default=",".join(map(str, own[:cores])), help="the processor to pin to (with several threads: all of them, by commas)")
        parser.add_argument("--seconds", default="0.1", help="time of each measurement")
        parser.add_argument("--clock", choices=("wall", "cpu"), default="cpu",
                            help="cpu: by the processor time that each program took, whatever else the machine does; several threads always go by the wall")
        parser.add_argument("--filter", default="", help="only rows whose name matches this")
        parser.add_argument("--save", action="store_true")
        self.arguments = parser.parse_args()
        self.programs = pathlib.Path(self.arguments.build) / "bin"
        for each in programs:
            if not os.access(self.programs / each, os.X_OK):
                sys.exit(f"{self.program.name}: no program at {self.programs / each}; build it or give --build")
        taskset = shutil.which("taskset") or sys.exit(f"{self.program.name}: taskset (util-linux) is missing")
        self.taskset = [taskset, "-c"]
        self.pinned = self.pinned_to(1)
        self.commands, self.failures, self.loads, self.torch_versions = [], [], [], set()
        self.mine, self.peer, self.units, self.limits = {}, {}, {}, {}

    def pinned_to(self, threads):
        return [*self.taskset, ",".join(self.arguments.core.split(",")[:threads])]

    def clock(self, threads):
        return self.arguments.clock if threads == 1 else "wall"

    def shown(self, command):
        """The command without the folders of this machine."""
        return " ".join(os.path.relpath(word, self.root) if word.startswith(str(self.root)) else os.path.basename(word)
                        if word.startswith("/") else word for word in command)

    def run(self, command, first, threads=1):
        if first:
            self.commands.append(command if threads == 1 else [f"ATELIER_BENCH_THREADS={threads}", *command])
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.root,
                              env={**os.environ, "ATELIER_BENCH_THREADS": str(threads)})
        if done.returncode:
            self.failures.append(f"{self.shown(command)}: exit status {done.returncode}: {last_line(done.stderr or done.stdout)}")
        return done.stdout

    def add(self, name, rate, unit, limit):
        self.mine.setdefault(name, []).append(rate)
        self.units[name] = unit
        self.limits.setdefault(name, []).append(limit)

    def ours(self, program, first, threads=1, suffix=""):
        text = self.run([*self.pinned_to(threads), str(self.programs / program),
                         f"--benchmark_filter=({self.arguments.filter or '.'}).*/cpu",
                         f"--benchmark_min_time={self.arguments.seconds}", "--benchmark_format=json"], first, threads)
        if not text.strip():
            return  # nothing of this program matches the filter, or it failed
        try:
            rows = json.loads(text)["benchmarks"]
        except ValueError as reason:
            self.failures.append(f"{program}: its JSON ends early ({reason})")
            return
        for row in rows:
            name = re.sub(r"(/process_time)?(/real_time)?$", "", row["name"]) + suffix
            if "rate" in row:
                # One thread works at a time, so on a processor of its own both clocks say the same.
                factor = row["real_time"] / row["cpu_time"] if self.clock(threads) == "cpu" else 1.0
                limit = row.get("percent_of_limit")
                self.add(name, row["rate"] * factor, row.get("label", ""), None if limit is None else limit * factor)
            else:
                self.failures.append(f"{name}: {row.get('error_message', 'no rate')}")

    def theirs(self, script, first, threads=1, suffix=""):
        text = self.run([*self.pinned_to(threads), self.arguments.python, str(self.here / script), "--threads", str(threads),
                         "--clock", self.clock(threads), "--seconds", self.arguments.seconds, "--filter", self.arguments.filter],
                        first, threads)
        for row in (json.loads(line) for line in text.splitlines() if line.startswith("{")):
            if "rate" in row:
                name = row["name"].replace("/torch/", "/") + suffix
                self.peer.setdefault(name, []).append(row["rate"])
                self.units.setdefault(name, row["unit"])
                self.torch_versions.add(f"PyTorch {row['torch']}")
            else:
                self.failures.append(f"{row['name']}: {row['error_message']}")

    def repeat(self, measure):
        """Calls measure(first) as often as --runs says; all rows by name."""
        for attempt in range(self.arguments.runs):
            self.loads.append(f"{os.getloadavg()[0]:.1f}")
            measure(attempt == 0)
        self.loads.append(f"{os.getloadavg()[0]:.1f}")
        return self.mine, self.peer, self.units, self.limits

    def limit(self, name):
        known = [limit for limit in self.limits.get(name, []) if limit is not None]
        return f"{statistics.median(known):.0f}" if known else ""

    def machine(self):
        try:
            text = pathlib.Path("/proc/cpuinfo").read_text()
        except OSError:
            text = ""
        model = re.search(r"model name\s*:\s*(.*)", text)
        return (f"Machine: {model.group(1) if model else platform.machine()}, {os.cpu_count()} processors, "
                f"{platform.system()} {platform.machine()}.")

    def versions(self):
        return ", ".join(sorted(self.torch_versions)) or "No PyTorch"

    def commands_shown(self):
        return [f"    {self.shown(command)}" for command in self.commands]

    def finish(self, report):
        print(report)
        if self.arguments.save:
            folder = self.root / "bench/results" / subprocess.run(
                [str(self.root / "tools/bench"), "--machine-name"], capture_output=True, text=True, check=True).stdout.strip()
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{self.name}.md").write_text(report)
            print(f"written: {(folder / f'{self.name}.md').relative_to(self.root)}")
        if self.failures or not self.mine:
            sys.exit(1)
