# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
#
# The PyTorch side of `tfjs-rbn bench`: BatchNorm2d and RBN written op by op, both channels_last, float32. It reads one
# JSON object a line on stdin and answers each with one on stdout, so that Node decides whose turn it is.
#
#   {"threads": 2}                                              -> {"torch": "2.x"}
#   {"slot": "a", "prepare": {"shape": [N, H, W, C], "norm": "bn", "training": true}}  -> {}
#   {"slot": "a", "calls": 10}                                  -> {"milliseconds": [...]}
#   {"check": {"shape", "training", "epsilon", "x", "dy", "parameters": [5 x [C]], "mean", "variance"}}
#                                                               -> {"y", "dx", "dparameters"}  NHWC, for the tests
import json
import sys
import time

import torch
import torch.nn.functional as F

EPSILON = 1e-3


def rbn(x, parameters, mean, variance, epsilon):
    """The definition; the standardisation is PyTorch's own fused one. mean None: batch statistics."""
    gamma, beta, center_weight, scale_weight, scale_bias = (p.view(1, -1, 1, 1) for p in parameters)
    centered = x + center_weight * x.mean((2, 3), keepdim=True)
    standardized = F.batch_norm(centered, mean, variance, training=mean is None, eps=epsilon)
    gate = torch.sigmoid(scale_weight * standardized.mean((2, 3), keepdim=True) + scale_bias)
    return gamma * standardized * gate + beta


def backward(y, leaves, dy):
    for leaf in leaves:
        leaf.grad = None
    y().backward(dy)


def prepare(shape, norm, training):
    """A call to time: forward and backward in training, forward alone with frozen statistics."""
    n, h, w, c = shape
    image = lambda: torch.randn(n, c, h, w).to(memory_format=torch.channels_last)
    x, dy = image(), image()
    if norm == "bn":
        layer = torch.nn.BatchNorm2d(c, eps=EPSILON).train(training)
        parameters, y = list(layer.parameters()), lambda: layer(x)
    else:
        parameters = [torch.randn(c, requires_grad=True) for _ in range(5)]
        statistics = (None, None) if training else (torch.zeros(c), torch.ones(c))
        y = lambda: rbn(x, parameters, *statistics, EPSILON)
    if training:
        leaves = [x.requires_grad_(), *parameters]
        return lambda: backward(y, leaves, dy)
    return torch.no_grad()(y)


def check(shape, training, epsilon, x, dy, parameters, mean, variance):
    to_nchw = lambda values: torch.tensor(values).view(shape).permute(0, 3, 1, 2)
    x, leaves = to_nchw(x).requires_grad_(), [torch.tensor(p, requires_grad=True) for p in parameters]
    statistics = (None, None) if training else (torch.tensor(mean), torch.tensor(variance))
    y = rbn(x, leaves, *statistics, epsilon)
    y.backward(to_nchw(dy))
    to_list = lambda t: t.detach().permute(0, 2, 3, 1).flatten().tolist()
    return {"y": to_list(y), "dx": to_list(x.grad), "dparameters": [p.grad.tolist() for p in leaves]}


def main():
    slots = {}
    for line in sys.stdin:
        request = json.loads(line)
        answer = {}
        if "threads" in request:
            torch.set_num_threads(request["threads"])
            answer = {"torch": torch.__version__}
        elif "prepare" in request:
            slots[request["slot"]] = prepare(**request["prepare"])
        elif "calls" in request:
            call, milliseconds = slots[request["slot"]], []
            for _ in range(request["calls"]):
                started = time.perf_counter()
                call()
                milliseconds.append((time.perf_counter() - started) * 1e3)
            answer = {"milliseconds": milliseconds}
        elif "check" in request:
            answer = check(**request["check"])
        print(json.dumps(answer), flush=True)


main()
