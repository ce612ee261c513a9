#!/usr/bin/env python3
"""The training kernels' work in PyTorch, configured as well as it gets: the peer of bench_kernels and bench_learning.

One JSON line a measurement, named as the benchmark's own rows but for "/torch":

  {"name": "linear/backward/64x500x784/torch/cpu", "rate": 61.0, "unit": "GFLOP/s", "how": "...", "torch": "2.15.0"}

Where there are several ways to the same result (autograd or the operators by hand, one fused call or several), each
is measured and the best is reported. Operands are random; results go to memory made beforehand where PyTorch allows
it. Shapes are batch x outputs x inputs.
"""

import argparse
import json
import os
import statistics
import sys
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--seconds", type=float, default=0.3, help="time of each measurement")
parser.add_argument("--filter", default="", help="only rows whose name holds this")
arguments = parser.parse_args()
os.environ.setdefault("OMP_NUM_THREADS", str(arguments.threads))

try:
    import torch
except ImportError as reason:
    sys.exit(f"learning_torch.py: {sys.executable} has no PyTorch ({reason}); run it with a python3 that has")

torch.set_num_threads(arguments.threads)
torch.manual_seed(1)
device = "cuda" if torch.cuda.is_available() else "cpu"
shapes = [(batch, outputs, inputs) for batch in (1, 64, 256, 1024)
          for outputs, inputs in ((200, 784), (500, 100), (784, 500), (10, 200), (1, 200))]
shapes += [(1024, 1024, 1024), (4096, 1024, 1024), (65536, 16, 16)]


def wait():
    if device == "cuda":
        torch.cuda.synchronize()


def seconds_of(work):
    """The median time of one call of work()."""
    for _ in range(3):
        work()
    wait()
    begun = time.perf_counter()
    work()
    wait()
    once = max(time.perf_counter() - begun, 1e-7)
    calls = max(1, int(arguments.seconds / 9 / once))
    times = []
    for _ in range(9):
        begun = time.perf_counter()
        for _ in range(calls):
            work()
        wait()
        times.append((time.perf_counter() - begun) / calls)
    return statistics.median(times)


def report(name, unit, amount, ways):
    """ways: {how: call}; the fastest is printed as amount / seconds."""
    name = f"{name}/torch/{device}"
    if arguments.filter not in name:
        return
    times = {how: seconds_of(call) for how, call in ways.items()}
    how = min(times, key=times.get)
    print(json.dumps({"name": name, "rate": amount / times[how] * 1e-9 if unit != "samples/s" else amount / times[how],
                      "unit": unit, "how": how, "torch": torch.__version__}), flush=True)


def random(*shape):
    return torch.rand(*shape, device=device) * 2 - 1


@torch.no_grad()
def linear():
    for batch, outputs, inputs in shapes:
        name = f"{batch}x{outputs}x{inputs}"
        work = 2.0 * batch * outputs * inputs
        x, weight, bias = random(batch, inputs), random(outputs, inputs) * 0.1, random(outputs)
        y, transposed = torch.empty(batch, outputs, device=device), weight.t()

        def forward():
            torch.addmm(bias, x, transposed, out=y)
            y.sigmoid_()

        def functional():
            torch.sigmoid(torch.nn.functional.linear(x, weight, bias))

        report(f"linear/sigmoid/{name}", "GFLOP/s", work, {"addmm out, sigmoid_": forward, "functional": functional})
        gradient, delta = random(batch, outputs), torch.empty(batch, outputs, device=device)
        d_input, d_weight = torch.empty_like(x), torch.empty_like(weight)
        y.sigmoid_()

        def backward():
            torch.ops.aten.sigmoid_backward.grad_input(gradient, y, grad_input=delta)
            torch.mm(delta, weight, out=d_input)
            torch.mm(delta.t(), x, out=d_weight)
            delta.sum(0)

        def backward_anew():
            d = torch.ops.aten.sigmoid_backward(gradient, y)
            return d @ weight, d.t() @ x, d.sum(0)

        report(f"linear_backward/sigmoid/{name}", "GFLOP/s", 2 * work, {"mm out": backward, "mm": backward_anew})


@torch.no_grad()
def layer_norm_and_losses():
    for rows, columns in [(b, c) for b in (1, 64, 256, 1024) for c in (200, 500, 784)] + [(65536, 1024)]:
        name = f"{rows}x{columns}"
        x, gamma, beta, g = random(rows, columns), random(columns), random(columns), random(rows, columns)
        bytes_moved = 4.0 * rows * columns
        _, mean, deviation = torch.native_layer_norm(x, [columns], gamma, beta, 1e-5)
        report(f"layer_norm/{name}", "GB/s", 2 * bytes_moved,
               {"native_layer_norm": lambda: torch.native_layer_norm(x, [columns], gamma, beta, 1e-5)})
        report(f"layer_norm_backward/{name}", "GB/s", 3 * bytes_moved,
               {"native_layer_norm_backward": lambda: torch.ops.aten.native_layer_norm_backward(
                   g, x, [columns], mean, deviation, gamma, beta, [True, True, True])})
        logits, target = random(rows, columns), torch.rand(rows, columns, device=device)
        p = torch.sigmoid(logits)
        one = torch.ones((), device=device)
        aten = torch.ops.aten

        def sigmoid_bce():
            probability = torch.sigmoid(logits)
            loss = aten.binary_cross_entropy(probability, target)
            return loss, aten.sigmoid_backward(aten.binary_cross_entropy_backward(one, probability, target), probability)

        def bce_with_logits():
            loss = aten.binary_cross_entropy_with_logits(logits, target)
            return loss, (torch.sigmoid(logits) - target) / logits.numel()

        report(f"sigmoid_bce/{name}", "GB/s", 3 * bytes_moved, {"aten": sigmoid_bce})
        report(f"bce/{name}", "GB/s", 3 * bytes_moved,
               {"aten": lambda: (aten.binary_cross_entropy(p, target), aten.binary_cross_entropy_backward(one, p, target))})
        report(f"bce_with_logits/{name}", "GB/s", 3 * bytes_moved, {"aten": bce_with_logits})
        report(f"mse/{name}", "GB/s", 3 * bytes_moved,
               {"aten": lambda: (aten.mse_loss(p, target), aten.mse_loss_backward(one, p, target, 1))})


def optimisers():
    for count in (157601, 444284, 601885, 1 << 26):
        tensor = random(count)
        tensor.grad = random(count)

        def stepper(kind, **options):
            optimiser = kind([tensor], **options)
            return optimiser.step

        report(f"sgd/{count}", "GB/s", 12.0 * count,
               {f"SGD {o}": stepper(torch.optim.SGD, lr=0.01, **o) for o in ({"foreach": True}, {"fused": True}, {"foreach": False})})
        report(f"adam/{count}", "GB/s", 28.0 * count,
               {f"Adam {o}": stepper(torch.optim.Adam, lr=1e-4, **o) for o in ({"foreach": True}, {"fused": True}, {"foreach": False})})


@torch.no_grad()
def data_and_noise():
    images = torch.randint(0, 256, (60000, 784), dtype=torch.uint8, device=device)
    for batch in (1, 64, 1024):
        chosen = torch.randint(0, 60000, (batch,), device=device)
        report(f"gather/{batch}", "GB/s", 5.0 * batch * 784,
               {"index_select, to float, div": lambda: images.index_select(0, chosen).float().div_(255.0)})
    for count in (100, 6400, 1 << 20):
        values = torch.empty(count, device=device)
        report(f"counted_noise/uniform/{count}", "GB/s", 4.0 * count, {"uniform_": lambda: values.uniform_()})
        report(f"counted_noise/normal/{count}", "GB/s", 4.0 * count, {"normal_": lambda: values.normal_()})
    for count in (60000, 1 << 20):
        values = torch.rand(count, device=device)
        report(f"permutation/{count}", "GB/s", 4.0 * count, {"randperm": lambda: torch.randperm(count, device=device)})
        report(f"sort/{count}", "GB/s", 8.0 * count, {"sort": lambda: torch.sort(values)})


def classifier():
    """The notebook's training loop, one sample a step; and the operators by hand, without autograd."""
    images = torch.rand(1024, 1, 784, device=device)
    targets = torch.zeros(1024, 1, 10, device=device)
    targets[torch.arange(1024), 0, torch.arange(1024) % 10] = 1.0

    def eager(book):
        middle = [torch.nn.LeakyReLU(0.02), torch.nn.LayerNorm(200)] if book else [torch.nn.Sigmoid()]
        model = torch.nn.Sequential(torch.nn.Linear(784, 200), *middle, torch.nn.Linear(200, 10), torch.nn.Sigmoid()).to(device)
        optimiser = (torch.optim.Adam(model.parameters()) if book else torch.optim.SGD(model.parameters(), lr=0.01))
        loss_function = torch.nn.BCELoss()
        index = [0]

        def step():
            i = index[0] = (index[0] + 1) % 1024
            loss = loss_function(model(images[i]), targets[i])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

        return step

    def by_hand():
        w1, b1 = random(200, 784) * 0.03, random(200) * 0.03
        w2, b2 = random(10, 200) * 0.07, random(10) * 0.07
        index = [0]

        @torch.no_grad()
        def step():
            i = index[0] = (index[0] + 1) % 1024
            x, t = images[i], targets[i]
            h = torch.addmm(b1, x, w1.t()).sigmoid_()
            p = torch.addmm(b2, h, w2.t()).sigmoid_()
            d2 = (p - t) * 0.1
            d1 = (d2 @ w2) * h * (1 - h)
            w2.addmm_(d2.t(), h, alpha=-0.01)
            b2.add_(d2[0], alpha=-0.01)
            w1.addmm_(d1.t(), x, alpha=-0.01)
            b1.add_(d1[0], alpha=-0.01)

        return step

    report("classifier/batch:1", "samples/s", 1, {"autograd": eager(False), "by hand": by_hand()})
    report("classifier-book/batch:1", "samples/s", 1, {"autograd": eager(True)})


linear()
layer_norm_and_losses()
optimisers()
data_and_noise()
classifier()
