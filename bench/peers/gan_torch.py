#!/usr/bin/env python3
"""The GANs of pictures in PyTorch, configured as well as it gets: the peer of bench_gan.

One JSON line a measurement, named as the benchmark's own rows but for "/torch":

  {"name": "gan-v2/streamed/batch:64/torch/cpu", "rate": 9500.0, "unit": "samples/s", "how": "...", "torch": "2.15.0"}

An iteration is a step of D on real pictures, one of D on forged ones and one of G. Measured are the modules of the
articles with autograd, with every way to apply the optimiser, and the operators by hand without autograd; the best is
reported. Gradients that nobody uses are not computed: forged pictures are detached in D's step, D is frozen in G's.
Pictures are drawn beforehand, noise is drawn in the loop.
"""

from torch_measurement import Measurement

measurement = Measurement(__file__, __doc__)
torch, device, report = measurement.torch, measurement.device, measurement.report
PIXELS, LATENT = 784, 100


def networks(second):
    """D and G of the articles' first or second attempt."""
    linear = torch.nn.Linear
    if second:
        judge = [linear(PIXELS, 200), torch.nn.LeakyReLU(0.01), torch.nn.LayerNorm(200), linear(200, 1), torch.nn.Sigmoid()]
        forger = [linear(LATENT, 500), torch.nn.LeakyReLU(0.2), torch.nn.LayerNorm(500), linear(500, PIXELS), torch.nn.Sigmoid()]
    else:
        judge = [linear(PIXELS, 200), torch.nn.Sigmoid(), linear(200, 1), torch.nn.Sigmoid()]
        forger = [linear(LATENT, 500), torch.nn.Sigmoid(), linear(500, PIXELS), torch.nn.Sigmoid()]
    return torch.nn.Sequential(*judge).to(device), torch.nn.Sequential(*forger).to(device)


def optimiser(second, parameters, options):
    if second:
        return torch.optim.Adam(parameters, lr=1e-4, **options)
    return torch.optim.SGD(parameters, lr=0.01, **options)


def pictures(batch):
    """Batches of digits' density: four fifths of the pixels are 0."""
    count = max(1, 2048 // batch)
    values = torch.rand(count, batch, PIXELS, device=device)
    values *= torch.rand(count, batch, PIXELS, device=device) < 0.2
    index = [0]

    def following():
        index[0] = (index[0] + 1) % count
        return values[index[0]]

    return following


def by_autograd(second, batch, options):
    judge, forger = networks(second)
    of_judge = optimiser(second, judge.parameters(), options)
    of_forger = optimiser(second, forger.parameters(), options)
    loss_function = torch.nn.BCELoss()
    one, zero = torch.ones(batch, 1, device=device), torch.zeros(batch, 1, device=device)
    following = pictures(batch)

    def update(which, output, target):
        loss = loss_function(output, target)
        which.zero_grad()
        loss.backward()
        which.step()

    def iteration():
        update(of_judge, judge(following()), one)
        with torch.no_grad():
            forged = forger(torch.randn(batch, LATENT, device=device))
        update(of_judge, judge(forged), zero)
        judge.requires_grad_(False)
        update(of_forger, judge(forger(torch.randn(batch, LATENT, device=device))), one)
        judge.requires_grad_(True)

    return iteration


class ByHand:
    """Linear, activation, [LayerNorm], linear, sigmoid: forward and backward by PyTorch's operators, no autograd."""

    def __init__(self, network, slope, step):
        layers = list(network)
        self.slope, self.step = slope, step
        self.norm = layers[2] if slope is not None else None
        self.parameters = [p.detach() for p in network.parameters()]
        self.first, self.first_bias = layers[0].weight.detach(), layers[0].bias.detach()
        self.last, self.last_bias = layers[-2].weight.detach(), layers[-2].bias.detach()
        self.state = None

    def forward(self, x):
        aten = torch.ops.aten
        self.x, self.pre = x, torch.addmm(self.first_bias, x, self.first.t())
        if self.norm is None:
            self.hidden = self.active = torch.sigmoid(self.pre)
        else:
            self.active = torch.nn.functional.leaky_relu(self.pre, self.slope)
            width = [self.active.shape[1]]
            self.hidden, self.mean, self.deviation = aten.native_layer_norm(self.active, width, self.norm.weight.detach(),
                                                                            self.norm.bias.detach(), 1e-5)
        self.out = torch.addmm(self.last_bias, self.hidden, self.last.t()).sigmoid_()
        return self.out

    def backward(self, delta, update, input_wanted=False):
        """delta: the gradient in front of the last sigmoid. Returns the input's."""
        aten = torch.ops.aten
        gradient = delta @ self.last
        of_norm = []
        if self.norm is not None:
            gradient, *of_norm = aten.native_layer_norm_backward(
                gradient, self.active, [self.active.shape[1]], self.mean, self.deviation, self.norm.weight.detach(),
                self.norm.bias.detach(), [True, update, update])
            below = aten.leaky_relu_backward(gradient, self.pre, self.slope, False)
        else:
            below = aten.sigmoid_backward(gradient, self.active)
        result = below @ self.first if input_wanted else None
        if update:
            self.step(self.parameters, [below.t() @ self.x, below.sum(0), *of_norm, delta.t() @ self.hidden, delta.sum(0)])
        return result


class FusedAdam:
    def __init__(self, parameters):
        self.first = [torch.zeros_like(p) for p in parameters]
        self.second = [torch.zeros_like(p) for p in parameters]
        self.steps = [torch.zeros((), device=device) for _ in parameters]

    def __call__(self, parameters, gradients):
        torch._foreach_add_(self.steps, 1)
        torch._fused_adam_(parameters, gradients, self.first, self.second, [], self.steps, lr=1e-4, beta1=0.9, beta2=0.999,
                           weight_decay=0.0, eps=1e-8, amsgrad=False, maximize=False)


def plain_steps(parameters, gradients):
    torch._foreach_add_(parameters, gradients, alpha=-0.01)


def by_hand(second, batch):
    judge_modules, forger_modules = networks(second)
    sides = []
    for modules, slope in ((judge_modules, 0.01), (forger_modules, 0.2)):
        step = FusedAdam([p.detach() for p in modules.parameters()]) if second else plain_steps
        sides.append(ByHand(modules, slope if second else None, step))
    judge, forger = sides
    following = pictures(batch)
    one, zero = torch.ones(batch, 1, device=device), torch.zeros(batch, 1, device=device)
    loss = torch.ops.aten.binary_cross_entropy

    @torch.no_grad()
    def iteration():
        for x, target in ((following(), one), (forger.forward(torch.randn(batch, LATENT, device=device)), zero)):
            p = judge.forward(x)
            loss(p, target)
            judge.backward((p - target) / batch, True)
        forged = forger.forward(torch.randn(batch, LATENT, device=device))
        p = judge.forward(forged)
        loss(p, one)
        gradient = judge.backward((p - one) / batch, False, True)
        forger.backward(torch.ops.aten.sigmoid_backward(gradient, forged), True)

    return iteration


for second, preset in ((False, "gan-v1"), (True, "gan-v2")):
    for batch in (1, 64, 256):
        name = f"{preset}/streamed/batch:{batch}"
        if not measurement.wanted(name):
            continue
        ways = {"autograd": by_autograd(second, batch, {"foreach": False}),
                "autograd, foreach": by_autograd(second, batch, {"foreach": True}),
                "autograd, fused": by_autograd(second, batch, {"fused": True}), "by hand": by_hand(second, batch)}
        report(name, "iteration/s" if batch == 1 else "samples/s", batch, ways)
