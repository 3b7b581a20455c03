# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
#
# The PyTorch side of `npm run bench:gpu`: batch normalization by cuDNN and by PyTorch's own kernels, RBN op by op, and
# torch.compile of that. Times are the device's: a call on each of many sets of tensors goes into one CUDA graph; where
# there can be none, kernel times are summed (the profiler's, in a run of their own). It reads one JSON object a line on
# stdin and answers each with one on stdout, {"error": "..."} where it failed.
#
#   {"device": "cuda"}                             -> {"torch", "cuda", "cudnn", "name"}
#   {"slot": "a", "prepare": {"peer": "rbn", "shape": [N, H, W, C], "dtype": "bfloat16", "training": true,
#       "residual": true, "sets": 3}}              -> {"timing": "graph" | "kernels", "by", "why"}
#   {"slot": "a", "direction": "forward" | "backward", "samples": 10}  -> {"milliseconds": [...]}, a call; a
#                                                       sample is a call on each set
#   {"clear": true}                                -> {}  all slots and tensors are given back
import gc
import json
import os
import sys

import torch
import torch.nn.functional as F
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from torch_networks import EPSILON, rbn

# BatchNorm: whether cuDNN may be used, and the memory format. cuDNN's own conditions hold, too: see "by".
BATCH_NORMS = {
    "cudnnLast": (True, torch.channels_last),
    "nativeLast": (False, torch.channels_last),
    "cudnnFirst": (True, torch.contiguous_format),
    "nativeFirst": (False, torch.contiguous_format),
}


def ending(y, residual):
    """As torchvision's blocks do it."""
    return y if residual is None else y.add_(residual).relu_()


def batch_norm(x, residual, parameters, mean, variance):
    return ending(F.batch_norm(x, mean, variance, *parameters, training=mean is None, eps=EPSILON), residual)


def representative(x, residual, parameters, mean, variance):
    return ending(rbn(x, parameters, mean, variance, EPSILON, mean is None), residual)


class Tensors:
    """x, dy and residual of each set, shared by all peers of a memory format."""

    def __init__(self, device):
        self.device, self.by_format = device, {}

    def get(self, memory_format, shape, dtype, training, residual, sets):
        if memory_format not in self.by_format:
            n, h, w, c = shape
            image = lambda: torch.randn(n, c, h, w, device=self.device, dtype=dtype).to(memory_format=memory_format)
            self.by_format[memory_format] = [
                (image().requires_grad_(training), image() if training else None,
                 image().requires_grad_(training) if residual else None) for _ in range(sets)]
        return self.by_format[memory_format]


class Calls:
    """Forward and backward on each set; frozen: forward alone, without autograd."""

    def __init__(self, peer, tensors, shape, dtype, training, residual, sets):
        dtype, channels, device = getattr(torch, dtype), shape[3], tensors.device
        self.training, self.cudnn = training, True
        if peer in BATCH_NORMS:
            self.cudnn, memory_format = BATCH_NORMS[peer]
            function, count, parameter_type = batch_norm, 2, torch.float32
        else:
            memory_format, count, parameter_type = torch.channels_last, 5, dtype
            function = representative
            if peer == "torchCompiled":
                torch._dynamo.reset()  # past 8 shapes it would run op by op without a word
                function = torch.compile(representative, dynamic=False, fullgraph=True)
        self.parameters = [torch.randn(channels, device=device, dtype=parameter_type, requires_grad=training)
                           for _ in range(count)]
        statistics = (None, None) if training else (torch.zeros(channels, device=device, dtype=parameter_type),
                                                    torch.ones(channels, device=device, dtype=parameter_type))
        self.sets = tensors.get(memory_format, shape, dtype, training, residual, sets)
        self.function = lambda x, r: function(x, r, self.parameters, *statistics)

    def forward(self, i):
        x, _, residual = self.sets[i]
        with torch.set_grad_enabled(self.training), torch.backends.cudnn.flags(enabled=self.cudnn):
            return self.function(x, residual)

    def backward(self, i, y):
        x, dy, residual = self.sets[i]
        leaves = [x, *self.parameters] if residual is None else [x, residual, *self.parameters]
        return torch.autograd.grad(y, leaves, dy)

    def warm_up(self):
        """Loads, compiles, chooses algorithms. Returns what autograd calls the last step of the forward."""
        for _ in range(3):
            y = self.forward(0)
            by = type(y.grad_fn).__name__ if self.training else None
            if self.training:
                self.backward(0, y)
        return by


class Graphs:
    """A CUDA graph a direction."""

    timing = "graph"

    def __init__(self, calls):
        self.count, self.kept = len(calls.sets), [calls]  # what a graph reads and writes must live as long
        indices = range(self.count)
        forward, ys = self.capture([lambda i=i: calls.forward(i) for i in indices])
        self.graphs = {"forward": forward}
        if calls.training:
            # Another pool of memory than the forward's: what that kept for the backward stays in place.
            self.graphs["backward"], _ = self.capture([lambda i=i: calls.backward(i, ys[i]) for i in indices])

    def capture(self, calls):
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = [call() for call in calls]
        self.kept.append(results)
        return graph, results

    def sample(self, direction, count):
        """All of it is put on the stream before anything is waited for, behind a replay that is not timed."""
        events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
        for event in events:
            self.graphs[direction].replay()
            event.record()
        torch.cuda.synchronize()
        return [begin.elapsed_time(end) / self.count for begin, end in zip(events, events[1:])]


class Kernels:
    """Sums of kernel times; the CPU's own operations where that is the device."""

    timing = "kernels"

    def __init__(self, calls, device):
        self.calls, self.on_gpu = calls, device == "cuda"

    def sample(self, direction, count):
        return [self.once(direction) for _ in range(count)]

    def once(self, direction):
        indices = range(len(self.calls.sets))
        ys = [self.calls.forward(i) for i in indices] if direction == "backward" else None
        self.wait()
        with profile(activities=[ProfilerActivity.CPU, *[ProfilerActivity.CUDA] * self.on_gpu]) as profiled:
            for i in indices:
                self.calls.forward(i) if ys is None else self.calls.backward(i, ys[i])
            self.wait()
        return sum(map(self.microseconds, profiled.key_averages())) / 1e3 / len(indices)

    def microseconds(self, event):
        if not self.on_gpu:
            return event.self_cpu_time_total
        # An operation's entry, and what compilers mark, have the time of their kernels a second time.
        kernel = event.device_type == DeviceType.CUDA and not event.is_user_annotation
        return event.self_device_time_total if kernel else 0

    def wait(self):
        if self.on_gpu:
            torch.cuda.synchronize()


def prepare(tensors, **what):
    """What is timed in a slot, and the answer."""
    calls = Calls(tensors=tensors, **what)
    if tensors.device != "cuda":
        return Kernels(calls, tensors.device), {"timing": Kernels.timing, "by": calls.warm_up(), "why": None}
    side = torch.cuda.Stream()  # not the default stream's work: that would spoil a capture
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        by = calls.warm_up()
    torch.cuda.current_stream().wait_stream(side)
    why = None
    try:
        timed = Graphs(calls)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        timed, why = Kernels(calls, tensors.device), str(error)
    return timed, {"timing": timed.timing, "by": by, "why": why}


def describe(device):
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("PyTorch sees no GPU")
    cudnn = torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else None
    return {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": cudnn,
            "name": torch.cuda.get_device_name() if device == "cuda" else "CPU"}


def main():
    # Compilers print; only answers may go where they are read.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    slots, tensors = {}, None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {}
            if "device" in request:
                answer, tensors = describe(request["device"]), Tensors(request["device"])
            elif "prepare" in request:
                slots[request["slot"]], answer = prepare(tensors, **request["prepare"])
            elif "samples" in request:
                answer = {"milliseconds": slots[request["slot"]].sample(request["direction"], request["samples"])}
            elif "clear" in request:
                slots, tensors = {}, Tensors(tensors.device)
        except Exception as error:  # of any kind: the next request may do better
            answer = {"error": f"{type(error).__name__}: {error}"}
        if "clear" in request or "error" in answer:
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        print(json.dumps(answer), file=answers, flush=True)


main()
