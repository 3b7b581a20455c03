# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
#
# The PyTorch side of `tfjs-rbn bench` and `bench-network`: BatchNorm2d and RBN written op by op, both channels_last,
# float32; layers alone, on the CPU, and whole networks. It reads one JSON object a line on stdin and answers each with one on
# stdout, so that Node decides whose turn it is.
#
#   {"threads": 2, "device": "cpu" | "cuda:0"}                  -> {"torch": "2.x", "device": name, null where it is missing}
#   {"slot": "a", "prepare": {"shape": [N, H, W, C], "norm": "bn", "training": true}}  -> {}
#   {"slot": "a", "network": {"network", "norm", "size", "batch", "training"}}  -> {"parameters", "products", "multiplications"}
#   {"slot": "a", "calls": 10}                                  -> {"milliseconds": [...]}
#   {"slot": "a", "calls": 10, "row": true | false}             -> the same, of a network
#   {"forget": true}                                            -> {}  all slots are free
#   {"check": {"shape", "training", "epsilon", "x", "dy", "parameters": [5 x [C]], "mean", "variance"}}
#                                                               -> {"y", "dx", "dparameters"}  NHWC, for the tests
#   {"checkNetwork": {"network", "norm", "size", "batch", "weights", "x", "steps"}} -> {"output", "losses"}  for the tests
#   what fails                                                  -> {"error": text}
import gc
import json
import sys
import time
import traceback

import torch

import torch_networks
from torch_networks import EPSILON, rbn


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
        y = lambda: rbn(x, parameters, *statistics, EPSILON, training)
    if training:
        leaves = [x.requires_grad_(), *parameters]
        return lambda: backward(y, leaves, dy)
    return torch.no_grad()(y)


def check(shape, training, epsilon, x, dy, parameters, mean, variance):
    to_nchw = lambda values: torch.tensor(values).view(shape).permute(0, 3, 1, 2)
    x, leaves = to_nchw(x).requires_grad_(), [torch.tensor(p, requires_grad=True) for p in parameters]
    statistics = (None, None) if training else (torch.tensor(mean), torch.tensor(variance))
    y = rbn(x, leaves, *statistics, epsilon, training)
    y.backward(to_nchw(dy))
    to_list = lambda t: t.detach().permute(0, 2, 3, 1).flatten().tolist()
    return {"y": to_list(y), "dx": to_list(x.grad), "dparameters": [p.grad.tolist() for p in leaves]}


def sample(call, calls):
    milliseconds = []
    for _ in range(calls):
        started = time.perf_counter()
        call()
        milliseconds.append((time.perf_counter() - started) * 1e3)
    return milliseconds


def open_device(name):
    """What it is called; None where PyTorch has no such device. TF32 and the search for algorithms are for PyTorch's best."""
    if name == "cpu":
        return name
    if not torch.cuda.is_available():
        return None
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    return torch.cuda.get_device_name(name)


class Peer:
    def __init__(self):
        self.device, self.slots = "cpu", {}

    def answer(self, request):
        if "threads" in request:
            torch.set_num_threads(request["threads"])
            self.device = request["device"]
            return {"torch": torch.__version__, "device": open_device(self.device)}
        if "prepare" in request:
            self.slots[request["slot"]] = prepare(**request["prepare"])
            return {}
        if "network" in request:
            contestant = torch_networks.Contestant(self.device, **request["network"])
            self.slots[request["slot"]] = contestant
            return contestant.size
        if "calls" in request:
            slot = self.slots[request["slot"]]
            calls = request["calls"]
            return {"milliseconds": slot.sample(calls, request["row"]) if "row" in request else sample(slot, calls)}
        if "forget" in request:
            self.slots.clear()
            gc.collect()
            torch.cuda.empty_cache()  # nothing where CUDA is not in use
            return {}
        if "checkNetwork" in request:
            return torch_networks.check(**request["checkNetwork"])
        return check(**request["check"])


def main():
    peer = Peer()
    for line in sys.stdin:
        try:
            answer = peer.answer(json.loads(line))
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
