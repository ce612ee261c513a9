#!/usr/bin/env python3
"""The notebook's network in PyTorch, configured as well as it gets: the peer of bench_cppn.

2-16 with bias, eight 16-16 without, 16-3; tanh after all but the last, sigmoid at the end: 2,128 multiply-adds and
144 tanh a pixel. float32, no_grad. Tries eager and compiled evaluation, several chunk sizes, and pixels in rows or
in columns, and reports the best as one JSON line a device:

  {"name": "cppn/seed/fp32/torch/threads:1/cpu", "rate": 2.1, "unit": "Mpixel/s", "how": "...", "torch": "..."}

Only the network is timed, not coordinates nor the conversion to 8 bits, which is in PyTorch's favour.
"""

import argparse
import json
import os
import sys
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=0, help="threads (default: the processors this process may use)")
parser.add_argument("--size", type=int, default=512, help="side of the square picture (cuda: 4 times that)")
parser.add_argument("--seconds", type=float, default=1.0, help="time for each way of evaluating it")
parser.add_argument("--only", default="", help="the one way to measure, as an earlier run's \"how\" names it")
parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile")
arguments = parser.parse_args()
threads = arguments.threads or len(os.sched_getaffinity(0))
os.environ.setdefault("OMP_NUM_THREADS", str(threads))

try:
    import torch
except ImportError as reason:
    sys.exit(f"cppn_torch.py: {sys.executable} has no PyTorch ({reason}); run it with a python3 that has")

torch.set_num_threads(threads)
torch.set_grad_enabled(False)


def weights(device):
    torch.manual_seed(0)
    shapes = [(16, 2)] + [(16, 16)] * 8 + [(3, 16)]
    matrices = [torch.randn(shape).to(device) for shape in shapes]
    bias = ((torch.rand(16) * 2 - 1) / 2**0.5).to(device)
    return matrices, bias


def rows_network(matrices, bias):
    """A pixel a row, as the notebook has it; activations in place."""
    transposed = [matrix.t().contiguous() for matrix in matrices]

    def evaluate(points):
        values = torch.addmm(bias, points, transposed[0]).tanh_()
        for matrix in transposed[1:-1]:
            values = torch.mm(values, matrix).tanh_()
        return torch.mm(values, transposed[-1]).sigmoid_()

    return evaluate


def columns_network(matrices, bias):
    """A pixel a column: products are 16 x 16 by 16 x chunk."""
    column = bias.unsqueeze(1)

    def evaluate(points):
        values = torch.addmm(column, matrices[0], points).tanh_()
        for matrix in matrices[1:-1]:
            values = torch.mm(matrix, values).tanh_()
        return torch.mm(matrices[-1], values).sigmoid_()

    return evaluate


def modules_network(matrices, bias):
    """nn.Sequential, what a user writes and what torch.compile is made for."""
    layers = []
    for index, matrix in enumerate(matrices):
        linear = torch.nn.Linear(matrix.shape[1], matrix.shape[0], bias=index == 0)
        linear.weight.copy_(matrix)
        if index == 0:
            linear.bias.copy_(bias)
        layers += [linear, torch.nn.Tanh() if index + 1 < len(matrices) else torch.nn.Sigmoid()]
    return torch.nn.Sequential(*layers).to(matrices[0].device).eval()


def points_of(size, device):
    line = torch.arange(size, device=device, dtype=torch.float32) / size - 0.5
    return torch.stack(torch.meshgrid(line, line, indexing="ij"), dim=-1).reshape(-1, 2)


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def best_rate(evaluate, points, chunks_along, chunk, device, seconds):
    """Pixels a second: the best pass over the picture within the time."""
    pixels = points.shape[chunks_along]
    parts = [part.contiguous() for part in points.split(chunk, dim=chunks_along)]
    best = 0.0
    end = time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        for part in parts:
            evaluate(part)
        wait(device)
        now = time.perf_counter()
        best = max(best, pixels / (now - start))
        if now > end:
            return best


def measure(device):
    matrices, bias = weights(device)
    size = arguments.size * (4 if device == "cuda" else 1)
    rows = points_of(size, device)
    columns = rows.t().contiguous()
    ways = [
        ("eager, rows", rows_network(matrices, bias), rows, 0),
        ("eager, columns", columns_network(matrices, bias), columns, 1),
        ("eager, modules", modules_network(matrices, bias), rows, 0),
    ]
    if not arguments.no_compile and hasattr(torch, "compile"):
        ways += [
            ("compiled, rows", torch.compile(rows_network(matrices, bias)), rows, 0),
            ("compiled, columns", torch.compile(columns_network(matrices, bias)), columns, 1),
            ("compiled, modules", torch.compile(modules_network(matrices, bias)), rows, 0),
        ]
    everything = size * size
    chunks = [chunk for chunk in (1024, 4096, 16384, 65536, everything) if chunk <= everything]
    if device == "cuda":
        chunks = [everything]
    candidates = []
    for name, evaluate, points, along in ways:
        for chunk in chunks:
            how = f"{name}, chunks of {chunk}"
            if arguments.only and how != arguments.only:
                continue
            try:
                first = points.narrow(along, 0, chunk).contiguous()
                for _ in range(3):
                    evaluate(first)
                wait(device)
                rate = best_rate(evaluate, points, along, chunk, device, arguments.seconds / 10)
            except Exception as reason:  # torch.compile needs a compiler, large chunks need memory
                lines = str(reason).strip().splitlines() or [""]
                print(f"cppn_torch.py: {how}: {lines[0]}", file=sys.stderr)
                break
            candidates.append((rate, how, evaluate, points, along, chunk))
            print(f"cppn_torch.py: {device}: {how}: {rate * 1e-6:.2f} Mpixel/s", file=sys.stderr)
    # A short look at every way, then the whole time for the three best.
    candidates.sort(key=lambda candidate: candidate[0], reverse=True)
    results = [
        (best_rate(evaluate, points, along, chunk, device, arguments.seconds), how)
        for _, how, evaluate, points, along, chunk in candidates[:3]
    ]
    if not results:
        sys.exit(f"cppn_torch.py: no way of evaluating the network on {device} worked")
    rate, how = max(results)
    record = {
        "name": f"cppn/seed/fp32/torch/threads:{threads}/{device}",
        "rate": rate * 1e-6,
        "unit": "Mpixel/s",
        "how": how,
        "torch": torch.__version__,
        "threads": threads,
    }
    if device == "cpu":
        record["capability"] = torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, "cpu") else ""
    else:
        record["gpu"] = torch.cuda.get_device_name()
    print(json.dumps(record), flush=True)


measure("cpu")
if torch.cuda.is_available():
    measure("cuda")
