#!/usr/bin/env python3
"""The training kernels' work in PyTorch, configured as well as it gets: the peer of bench_kernels and bench_learning.

One JSON line a measurement, named as the benchmark's own rows but for "/torch":

  {"name": "linear/backward/64x500x784/torch/cpu", "rate": 61.0, "unit": "GFLOP/s", "how": "...", "torch": "2.15.0"}

Where there are several ways to the same result (autograd or the operators by hand, one fused call or several), each
is measured and the best is reported; a row that fails says so in place of its rate. Operands are random; results go to memory made beforehand where PyTorch allows
it. Shapes are batch x outputs x inputs.
"""

from torch_measurement import Measurement

measurement = Measurement(__file__, __doc__)
torch, device, report = measurement.torch, measurement.device, measurement.report
shapes = [(batch, outputs, inputs) for batch in (1, 64, 256, 1024)
          for outputs, inputs in ((200, 784), (500, 100), (784, 500), (10, 200), (1, 200))]
shapes += [(1024, 1024, 1024), (4096, 1024, 1024), (65536, 16, 16)]


def random(*shape):
    return torch.rand(*shape, device=device) * 2 - 1


@torch.no_grad()
def linear():
    for batch, outputs, inputs in shapes:
        name = f"{batch}x{outputs}x{inputs}"
        work = 2.0 * batch * outputs * inputs
        x, weight, bias = random(batch, inputs), random(outputs, inputs) * 0.1, random(outputs)
        y, transposed = torch.empty(batch, outputs, device=device), weight.t()

        def forward(sigmoid):
            torch.addmm(bias, x, transposed, out=y)
            if sigmoid:
                y.sigmoid_()

        functional = torch.nn.functional.linear
        report(f"linear/identity/{name}", "GFLOP/s", work,
               {"addmm out": lambda: forward(False), "functional": lambda: functional(x, weight, bias)})
        report(f"linear/sigmoid/{name}", "GFLOP/s", work,
               {"addmm out, sigmoid_": lambda: forward(True), "functional": lambda: torch.sigmoid(functional(x, weight, bias))})
        gradient, delta = random(batch, outputs), torch.empty(batch, outputs, device=device)
        d_input, d_weight = torch.empty_like(x), torch.empty_like(weight)
        y.sigmoid_()

        def backward(sigmoid):
            if sigmoid:
                torch.ops.aten.sigmoid_backward.grad_input(gradient, y, grad_input=delta)
            d = delta if sigmoid else gradient
            torch.mm(d, weight, out=d_input)
            torch.mm(d.t(), x, out=d_weight)
            return d.sum(0)

        def backward_anew(sigmoid):
            d = torch.ops.aten.sigmoid_backward(gradient, y) if sigmoid else gradient
            return d @ weight, d.t() @ x, d.sum(0)

        for kind, sigmoid in (("identity", False), ("sigmoid", True)):
            report(f"linear_backward/{kind}/{name}", "GFLOP/s", 2 * work,
                   {"mm out": lambda: backward(sigmoid), "mm": lambda: backward_anew(sigmoid)})
        if batch == 1:
            linear_step(name, x, weight, bias, y, gradient)


def linear_step(name, x, weight, bias, y, gradient):
    """Backward and update of one sample, gradients stored only where PyTorch must."""

    def sgd():
        d = torch.ops.aten.sigmoid_backward(gradient, y)
        d_input = d @ weight
        weight.addmm_(d.t(), x, alpha=-1e-6)
        bias.add_(d[0], alpha=-1e-6)
        return d_input

    def sgd_outer():
        d = torch.ops.aten.sigmoid_backward(gradient, y)
        d_input = d @ weight
        weight.addr_(d[0], x[0], alpha=-1e-6)
        bias.add_(d[0], alpha=-1e-6)
        return d_input

    parameters = weight.numel() + bias.numel()
    report(f"linear_step/sgd/{name}", "GB/s", 8.0 * parameters, {"addmm_": sgd, "addr_": sgd_outer})
    for tensor in (weight, bias):
        tensor.grad = torch.zeros_like(tensor)

    def adam(optimiser):
        d = torch.ops.aten.sigmoid_backward(gradient, y)
        d_input = d @ weight
        torch.mm(d.t(), x, out=weight.grad)
        bias.grad.copy_(d[0])
        optimiser.step()
        return d_input

    ways = {str(option): torch.optim.Adam([weight, bias], lr=1e-6, **option)
            for option in ({"foreach": True}, {"fused": True}, {"foreach": False})}
    report(f"linear_step/adam/{name}", "GB/s", 24.0 * parameters,
           {how: lambda optimiser=optimiser: adam(optimiser) for how, optimiser in ways.items()})


@torch.no_grad()
def elementwise():
    for kind, forward, backward in (
            ("leaky_relu", lambda x, y: torch.ops.aten.leaky_relu.out(x, 0.02, out=y),
             lambda g, x, y, d: torch.ops.aten.leaky_relu_backward.grad_input(g, x, 0.02, False, grad_input=d)),
            ("sigmoid", lambda x, y: torch.sigmoid(x, out=y),
             lambda g, x, y, d: torch.ops.aten.sigmoid_backward.grad_input(g, y, grad_input=d)),
            ("tanh", lambda x, y: torch.tanh(x, out=y),
             lambda g, x, y, d: torch.ops.aten.tanh_backward.grad_input(g, y, grad_input=d)),
            ("gelu", lambda x, y: torch.ops.aten.gelu.out(x, out=y),
             lambda g, x, y, d: torch.ops.aten.gelu_backward.grad_input(g, x, grad_input=d))):
        for rows, columns in [(b, 500) for b in (1, 64, 256, 1024)] + [(65536, 1024)]:
            x, y, g = random(rows, columns) * 4, random(rows, columns), random(rows, columns)
            d = torch.empty_like(x)
            forward(x, y)
            size = float(rows * columns)
            report(f"elementwise/{kind}/{rows}x{columns}", "GB/s", 8 * size, {"out": lambda: forward(x, y)})
            report(f"elementwise_backward/{kind}/{rows}x{columns}", "GB/s", 12 * size,
                   {"grad_input": lambda: backward(g, x, y, d)})


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
    for batch in (1, 64, 256, 1024):
        chosen = torch.randint(0, 60000, (batch,), device=device)
        rows = torch.empty(batch, 784, dtype=torch.uint8, device=device)
        values = torch.empty(batch, 784, device=device)

        def into_memory():
            torch.index_select(images, 0, chosen, out=rows)
            torch.div(rows, 255.0, out=values)

        report(f"gather/{batch}", "GB/s", 5.0 * batch * 784,
               {"index_select out, div out": into_memory,
                "index_select, to float, div": lambda: images.index_select(0, chosen).float().div_(255.0),
                "index, div": lambda: images[chosen] / 255.0,
                "index, copy, mul": lambda: values.copy_(images[chosen]).mul_(1 / 255.0)})
    for count in (100, 6400, 25600, 102400, 1 << 20):
        values = torch.empty(count, device=device)
        ways = {"uniform": {"uniform_": lambda: values.uniform_(), "rand out": lambda: torch.rand(count, out=values)},
                "normal": {"normal_": lambda: values.normal_(), "randn out": lambda: torch.randn(count, out=values)}}
        for kind, calls in ways.items():
            report(f"counted_noise/{kind}/{count}", "GB/s", 4.0 * count, calls)
            if count == 1 << 20:
                report(f"noise/{kind}", "GB/s", 4.0 * count, calls)
    for count in (60000, 1 << 20):
        order = torch.empty(count, dtype=torch.int32, device=device)
        report(f"permutation/{count}", "GB/s", 4.0 * count,
               {"randperm": lambda: torch.randperm(count, device=device),
                "randperm int32": lambda: torch.randperm(count, dtype=torch.int32, device=device),
                "randperm out": lambda: torch.randperm(count, dtype=torch.int32, out=order),
                "argsort of rand": lambda: torch.rand(count, device=device).argsort()})
        values, result, places = torch.randn(count, device=device), torch.empty(count, device=device), \
            torch.empty(count, dtype=torch.int64, device=device)
        ways = {"sort": lambda: torch.sort(values), "msort": lambda: torch.msort(values),
                "sort out": lambda: torch.sort(values, out=(result, places)),
                "sort stable": lambda: torch.sort(values, stable=True)}
        report(f"sort/{count}", "GB/s", 8.0 * count, ways)
        if device == "cpu":  # not PyTorch's, but the fastest that its users have at hand
            report(f"sort_by_numpy/{count}", "GB/s", 8.0 * count, {"numpy of the same memory": lambda: numpy_sort(values)})
    scores = torch.randn(10000, 10, device=device)
    truth = torch.randint(0, 10, (10000,), device=device)
    report("confusion/10000", "GB/s", 43.0 * 10000,
           {"argmax, bincount": lambda: torch.bincount(truth * 10 + scores.argmax(1), minlength=100)})


def numpy_sort(values):
    copy = values.clone()
    copy.numpy().sort()
    return copy


def classifier():
    """The notebook's training loop; and the operators by hand, without autograd."""
    for book in (False, True):
        for batch in (1, 64, 256, 1024):
            ways = {"autograd": classifier_eager(book, batch, {}), "autograd, foreach": classifier_eager(book, batch, {"foreach": True}),
                    "autograd, fused": classifier_eager(book, batch, {"fused": True})}
            if not book:
                ways["by hand"] = classifier_by_hand(batch)
            name = "classifier-book" if book else "classifier"
            report(f"step/{name}/batch:{batch}", "samples/s", batch, ways)
            if batch == 1:
                report(f"train/{name}/batch:1", "samples/s", 1, ways)


def batches(batch):
    count = max(1, 2048 // batch)
    images = torch.rand(count, batch, 784, device=device)
    targets = torch.zeros(count, batch, 10, device=device)
    targets[:, torch.arange(batch), torch.arange(batch) % 10] = 1.0
    index = [0]

    def following():
        index[0] = (index[0] + 1) % count
        return images[index[0]], targets[index[0]]

    return following


def classifier_eager(book, batch, options):
    middle = [torch.nn.LeakyReLU(0.02), torch.nn.LayerNorm(200)] if book else [torch.nn.Sigmoid()]
    model = torch.nn.Sequential(torch.nn.Linear(784, 200), *middle, torch.nn.Linear(200, 10), torch.nn.Sigmoid()).to(device)
    optimiser = (torch.optim.Adam(model.parameters(), lr=1e-3, **options) if book
                 else torch.optim.SGD(model.parameters(), lr=0.01, **options))
    loss_function = torch.nn.BCELoss()
    following = batches(batch)

    def step():
        x, t = following()
        loss = loss_function(model(x), t)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def classifier_by_hand(batch):
    w1, b1 = random(200, 784) * 0.03, random(200) * 0.03
    w2, b2 = random(10, 200) * 0.07, random(10) * 0.07
    following = batches(batch)
    aten = torch.ops.aten

    @torch.no_grad()
    def step():
        x, t = following()
        h = torch.addmm(b1, x, w1.t()).sigmoid_()
        p = torch.addmm(b2, h, w2.t()).sigmoid_()
        aten.binary_cross_entropy(p, t)
        d2 = (p - t) * (0.1 / batch)
        d1 = aten.sigmoid_backward(d2 @ w2, h)
        w2.addmm_(d2.t(), h, alpha=-0.01)
        b2.add_(d2.sum(0), alpha=-0.01)
        w1.addmm_(d1.t(), x, alpha=-0.01)
        b1.add_(d1.sum(0), alpha=-0.01)

    return step


def pattern1010():
    """The article's loop with modules and autograd; and many GANs at once as batched products by hand."""
    linear_layer, sigmoid = torch.nn.Linear, torch.nn.Sigmoid
    judge = torch.nn.Sequential(linear_layer(4, 3, bias=False), sigmoid(), linear_layer(3, 1, bias=False), sigmoid()).to(device)
    maker = torch.nn.Sequential(linear_layer(4, 4, bias=False), sigmoid(), linear_layer(4, 4, bias=False), sigmoid()).to(device)
    of_judge, of_maker = torch.optim.SGD(judge.parameters(), lr=0.01), torch.optim.SGD(maker.parameters(), lr=0.01)
    loss_function = torch.nn.MSELoss()
    low = torch.tensor([0.8, 0.0, 0.8, 0.0], device=device)
    one, zero = torch.ones(1, device=device), torch.zeros(1, device=device)

    def update(optimiser, output, target):
        loss = loss_function(output, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    def step():
        update(of_judge, judge(torch.rand(4, device=device) * 0.2 + low), one)
        update(of_judge, judge(maker(torch.rand(4, device=device)).detach()), zero)
        update(of_maker, judge(maker(torch.rand(4, device=device))), one)

    report("learner/pattern1010-gan", "iteration/s", 1, {"autograd": step})
    report("train/pattern1010-gan/batch:1", "samples/s", 2, {"autograd": step})
    for gans in (1, 16, 1000, 16384):
        report(f"fleet/gans:{gans}", "Miteration/s", gans, {"baddbmm by hand": fleet(gans)})


def fleet(gans):
    d1, d2 = random(gans, 3, 4) * 0.5, random(gans, 1, 3) * 0.5
    g1, g2 = random(gans, 4, 4) * 0.5, random(gans, 4, 4) * 0.5
    low = torch.tensor([0.8, 0.0, 0.8, 0.0], device=device).view(1, 4, 1)

    def noise():
        return torch.rand(gans, 4, 1, device=device)

    def layer(weight, x):
        return torch.bmm(weight, x).sigmoid_()

    def back(weight, delta, value):
        return torch.bmm(weight.transpose(1, 2), delta) * (value * (1 - value))

    def update(weight, delta, x):
        weight.baddbmm_(delta, x.transpose(1, 2), alpha=-0.01)

    def judge_step(x, target):
        h = layer(d1, x)
        y = layer(d2, h)
        delta2 = 2 * (y - target) * (y * (1 - y))
        delta1 = back(d2, delta2, h)
        update(d2, delta2, h)
        update(d1, delta1, x)

    @torch.no_grad()
    def step():
        judge_step(noise() * 0.2 + low, 1.0)
        judge_step(layer(g2, layer(g1, noise())), 0.0)
        z = noise()
        hidden = layer(g1, z)
        made = layer(g2, hidden)
        h = layer(d1, made)
        y = layer(d2, h)
        delta1 = back(d2, 2 * (y - 1) * (y * (1 - y)), h)
        delta_g2 = back(d1, delta1, made)
        delta_g1 = back(g2, delta_g2, hidden)
        update(g2, delta_g2, hidden)
        update(g1, delta_g1, z)

    return step


linear()
elementwise()
layer_norm_and_losses()
optimisers()
data_and_noise()
classifier()
pattern1010()
