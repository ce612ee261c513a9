#!/usr/bin/env python3
"""Floors of the learning operations on an H200, counted from bytes and operations. Nothing is measured.

The floor of an operation is the slowest of: its floating-point operations over the rate of fp32 multiply-adds;
its special functions over theirs; the bytes that it must read and write once over the bandwidth of memory. What
was just written often lies in L2 (50 MB), so an operation on little data may go below its memory floor; a
launch costs more than most floors of batch 1 (about 1.3 us a node of a graph, a published figure for an H100).
"""

FLOPS = 132 * 1.98e9 * 128 * 2
SPECIAL = 132 * 1.98e9 * 16
MEMORY = 4.8e12

BATCHES = (1, 64, 256, 1024)
# inputs, outputs: the generator's two layers, the discriminator's, the classifier's last.
LAYERS = ((100, 500), (500, 784), (784, 200), (200, 1), (200, 10))
PARAMETERS = (("D", 157_601), ("G", 444_284))


def floor(flops, special, size):
    walls = {"multiply-adds": flops / FLOPS, "special functions": special / SPECIAL, "memory": size / MEMORY}
    name = max(walls, key=walls.get)
    return walls[name] * 1e6, name


def row(operation, cells):
    def text(cell):
        if cell is None:
            return "-"
        microseconds, wall = cell
        return f"{microseconds:.3g} ({wall})"
    print("| " + " | ".join([operation] + [text(cell) for cell in cells]) + " |")


def linear(batch, inputs, outputs):
    size = 4 * (batch * inputs + inputs * outputs + outputs + batch * outputs)
    return floor(2 * batch * inputs * outputs, 2 * batch * outputs, size)


def linear_backward(batch, inputs, outputs):
    # input, weight, output and its gradient are read; the gradients of input, weight and bias are written.
    size = 4 * (2 * batch * inputs + 2 * batch * outputs + 2 * inputs * outputs + outputs)
    return floor(4 * batch * inputs * outputs, 0, size)


def linear_step(inputs, outputs, adam):
    # The gradient of the input; the outer product; the update of weights, and of moments, in place.
    weights = inputs * outputs + outputs
    return floor((4 + (12 if adam else 2)) * weights, 2 * weights if adam else 0,
                 weights * (24 if adam else 8) + 4 * (2 * inputs + 2 * outputs))


def main():
    print("\n# Floors on an H200, counted\n")
    print("**Counted from bytes and operations, not run on a GPU.** Microseconds at best, and the unit that binds: "
          f"{FLOPS / 1e12:.1f} TFLOP/s of fp32 multiply-adds, {SPECIAL / 1e12:.2f} T special functions/s, "
          f"{MEMORY / 1e12:.1f} TB/s of memory (132 SMs at 1.98 GHz). `tools/learning_floors.py` says how.\n")
    print("| operation | " + " | ".join(f"batch {batch}" for batch in BATCHES) + " |")
    print("|---|" + "---|" * len(BATCHES))
    for inputs, outputs in LAYERS:
        row(f"linear forward {inputs} to {outputs}, bias and sigmoid",
            [linear(batch, inputs, outputs) for batch in BATCHES])
    for inputs, outputs in LAYERS:
        row(f"linear backward {inputs} to {outputs}, all three gradients",
            [linear_backward(batch, inputs, outputs) for batch in BATCHES])
    for inputs, outputs in LAYERS:
        for adam in (False, True):
            row(f"linear step {inputs} to {outputs}, {'Adam' if adam else 'SGD'}",
                [linear_step(inputs, outputs, adam)] + [None] * (len(BATCHES) - 1))
    for columns in (200, 500):
        row(f"LayerNorm forward, {columns} columns",
            [floor(8 * b * columns, b, 4 * (2 * b * columns + 2 * columns + 2 * b)) for b in BATCHES])
        row(f"LayerNorm backward, {columns} columns",
            [floor(16 * b * columns, 0, 4 * (3 * b * columns + 3 * columns + 2 * b)) for b in BATCHES])
    for columns in (1, 10):
        row(f"BCE with its gradient, {columns} columns",
            [floor(8 * b * columns, 3 * b * columns, 12 * b * columns + 4) for b in BATCHES])
    row("elementwise sigmoid forward, 500 columns", [floor(2 * b * 500, 2 * b * 500, 8 * b * 500) for b in BATCHES])
    row("elementwise backward, 500 columns", [floor(3 * b * 500, 0, 12 * b * 500) for b in BATCHES])
    row("gather of 784-byte rows", [floor(b * 784, 0, 5 * b * 784 + 4 * b) for b in BATCHES])
    row("noise, normal, 100 columns", [floor(0, 2 * b * 100, 4 * b * 100) for b in BATCHES])
    print("\n| optimiser's step, any batch | parameters | SGD | Adam |\n|---|---|---|---|")
    for name, count in PARAMETERS:
        sgd, adam = floor(2 * count, 0, 12 * count), floor(12 * count, 2 * count, 28 * count)
        print(f"| {name} | {count:,} | {sgd[0]:.3g} ({sgd[1]}) | {adam[0]:.3g} ({adam[1]}) |")
    print("\n| fleet of little GANs | iterations/s at best, all GANs together |\n|---|---|")
    # 208 multiply-adds and 28 sigmoids (an exponential and a reciprocal each) an iteration; weights stay in
    # registers. One GAN a thread, so a machine that is not full has its threads' share.
    full = min(FLOPS / (2 * 208), SPECIAL / (2 * 28))
    print(f"| all threads busy | {full:.3g} |")


if __name__ == "__main__":
    main()
