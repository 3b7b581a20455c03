# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
#
# Runs bench/torch_gpu_peer.py as on a GPU where there is none: tensors stay on the CPU, a CUDA graph is a list of what was
# called under it. So its steps are run, and that a replay writes what backward reads; it shows nothing of CUDA itself.
# Arguments: the peer's file, and 'no-graphs' for a device that captures nothing.
import contextlib
import runpy
import sys
import time

import torch

capturing = []


class CUDAGraph:
    def replay(self):
        assert self.captured, "an empty graph"


@contextlib.contextmanager
def graph(graph):
    if "no-graphs" in sys.argv:
        raise RuntimeError("operation not permitted when stream is capturing")
    capturing.append(graph)
    yield
    graph.captured = capturing.pop()


class Event:
    def __init__(self, enable_timing):
        assert enable_timing

    def record(self):
        self.time = time.perf_counter()

    def elapsed_time(self, end):
        return (end.time - self.time) * 1e3


class Stream:
    def wait_stream(self, other):
        assert isinstance(other, Stream)


def on_cpu(make):
    return lambda *args, device, **more: make(*args, **more)


for name in ("randn", "zeros", "ones"):
    setattr(torch, name, on_cpu(getattr(torch, name)))
for stand_in in (CUDAGraph, graph, Event, Stream):
    setattr(torch.cuda, stand_in.__name__, stand_in)
torch.cuda.stream = lambda stream: contextlib.nullcontext()
torch.cuda.current_stream = Stream
torch.cuda.is_available = lambda: True
torch.cuda.synchronize = torch.cuda.empty_cache = lambda: None
torch.cuda.get_device_name = lambda: "a stand-in"

sys.path.insert(0, sys.argv[1].rsplit("/", 1)[0])
runpy.run_path(sys.argv[1], run_name="__main__")
