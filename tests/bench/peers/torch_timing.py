"""How the PyTorch peers are timed: by events on the GPU, the median of the runs.
SPDX-License-Identifier: Apache-2.0
"""
import statistics

import torch


def recorded(run):
    """`run`, which has run before, as a replay of its CUDA graph."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def median_ms(run, times, warm_up):
    for _ in range(warm_up):
        run()
    took = []
    for _ in range(times):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        took.append(begin.elapsed_time(end))
    return statistics.median(took)
