#!/usr/bin/env python3
"""Values of layers by PyTorch, for tests/unit/analysis/layers_test.cpp.

    python3 tests/oracles/layers.py > tests/unit/analysis/layer_values.h

Every tensor holds sin(1.3 i + phase) for i = 0, 1, ...: the phase is 0 for the data and 1, 2, ... for the weights in the order of the model.
Running variances are 1.5 plus that.
`same` is TensorFlow's rule, written out with explicit zeros.
"""
import math

import torch
import torch.nn.functional as F

ROWS = 2


def numbers(phase, *shape):
    n = math.prod(shape)
    return torch.sin(1.3 * torch.arange(n, dtype=torch.float64) + phase).reshape(shape)


def same(size, kernel, stride):
    steps = -(-size // stride)
    total = max((steps - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def conv(x, filters, kernel, stride, padding):
    weight, bias = numbers(1, filters, x.shape[1], kernel, kernel), numbers(2, filters)
    if padding == "same":
        top, bottom = same(x.shape[2], kernel, stride)
        left, right = same(x.shape[3], kernel, stride)
        x, padding = F.pad(x, (left, right, top, bottom)), 0
    if padding == "valid":
        padding = 0
    return F.conv2d(x, weight, bias, stride=stride, padding=padding)


def conv_transpose(x, filters, kernel, stride, padding):
    weight, bias = numbers(1, filters, x.shape[1], kernel, kernel), numbers(2, filters)
    whole = F.conv_transpose2d(x, weight.transpose(0, 1), stride=stride)
    if padding == "same":
        rows, columns = x.shape[2] * stride, x.shape[3] * stride
        top, left = same(rows, kernel, stride)[0], same(columns, kernel, stride)[0]
    elif padding == "valid":
        rows = (x.shape[2] - 1) * stride + max(kernel, stride)
        columns = (x.shape[3] - 1) * stride + max(kernel, stride)
        top = left = 0
    else:
        rows, columns = whole.shape[2] - 2 * padding, whole.shape[3] - 2 * padding
        top = left = padding
    whole = F.pad(whole, (0, columns, 0, rows))
    return whole[:, :, top : top + rows, left : left + columns] + bias[:, None, None]


CASES = []


def case(shape, body, value, training=True):
    CASES.append((shape, body, training, value.reshape(-1).tolist()))


for layer, rule in (("conv2d", conv), ("conv2d_transpose", conv_transpose)):
    for shape, filters, kernel, stride, padding in (
        ((2, 5, 6), 3, 3, 2, "same"),
        ((2, 4, 5), 2, 2, 1, "valid"),
        ((2, 4, 3), 2, 3, 1, 1),
        ((1, 7, 4), 2, 5, 2, "same"),
        ((2, 3, 3), 1, 3, 1, "same"),
        ((1, 7, 6), 2, 2, 3, "valid"),
        ((1, 5, 5), 2, 4, 2, 1),
    ):
        body = f"flatten({layer}(y, {filters}, kernel: {kernel}, stride: {stride}, padding: {padding}))"
        case(shape, body, rule(numbers(0, ROWS, *shape), filters, kernel, stride, padding))

vector = 4 * numbers(0, ROWS, 6)
for name, f in (
    ("relu", F.relu),
    ("elu", F.elu),
    ("leaky_relu", F.leaky_relu),
    ("gelu", F.gelu),
    ("softplus", F.softplus),
    ("tanh", torch.tanh),
    ("sigmoid", torch.sigmoid),
):
    case((6,), f"reshape({name}(4 * y), 6)", f(vector))
case((6,), "reshape(softmax(4 * y), 6)", F.softmax(vector, dim=1))
case((2, 2, 3), "flatten(y)", numbers(0, ROWS, 12))
case((12,), "flatten(conv2d(reshape(y, [2, 2, 3]), 1, kernel: 2))", conv(numbers(0, ROWS, 2, 2, 3), 1, 2, 1, "valid"))

for shape in ((3, 2, 4), (5,)):
    x = 2 * numbers(0, ROWS, *shape)
    channels = shape[0]
    end = "flatten({})" if len(shape) == 3 else "reshape({}, 5)"
    gain, bias, mean = (numbers(phase, channels) for phase in (1, 2, 3))
    variance = 1.5 + numbers(4, channels)
    case(shape, end.format("batch_norm(2 * y)"), F.batch_norm(x, None, None, gain, bias, training=True))
    case(shape, end.format("batch_norm(2 * y, epsilon: 0.1)"), F.batch_norm(x, mean, variance, gain, bias, training=False, eps=0.1), False)
    case(shape, end.format("layer_norm(2 * y)"), F.layer_norm(x, shape, numbers(1, *shape), numbers(2, *shape)))
case((4,), "reshape(dropout(y, 0.25), 4)", numbers(0, ROWS, 4), False)

print("#pragma once")
print("// Made by tests/oracles/layers.py with PyTorch " + torch.__version__ + ".")
print()
print("#include <string>")
print("#include <vector>")
print()
print("namespace lvm::test {")
print()
print("struct LayerValue {")
print("  std::vector<int> shape;  // of the data")
print("  std::string body;        // of the network")
print("  bool training;")
print("  std::vector<double> expected;")
print("};")
print()
print("// clang-format off")
print("inline const std::vector<LayerValue> layer_values = {")
for shape, body, training, values in CASES:
    text = ", ".join(f"{v:.17g}" for v in values)
    print("    {{" + ", ".join(map(str, shape)) + '}, "' + body + '", ' + str(training).lower() + ",")
    print("     {" + text + "}},")
print("};")
print()
print("}  // namespace lvm::test")
