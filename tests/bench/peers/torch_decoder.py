#!/usr/bin/env python3
"""The peer of `parley_bench_gpu`: a Qwen2-shaped decoder of random weights in PyTorch, one CUDA graph a step.

  torch_decoder.py [--layers 64] [--batch 1] [--context 1024] [--mode graph|compile] [--prefill N]

--mode graph: the plain operations in a CUDA graph. --mode compile: each layer through torch.compile (max-autotune), then
the graph. Prints one JSON object a case: milliseconds, the median of the runs.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import json

import torch
import torch.nn.functional as F

from torch_timing import median_ms, recorded

HIDDEN, HEADS, KV_HEADS, DIM, FFN, VOCABULARY = 5120, 40, 8, 128, 27648, 158720


def matrix(out, inner):
    return torch.empty(out, inner, dtype=torch.bfloat16, device="cuda").uniform_(-1, 1).mul_((3 / inner) ** 0.5)


def make_layer():
    return {
        "qkv": matrix((HEADS + 2 * KV_HEADS) * DIM, HIDDEN),
        "bias": torch.zeros((HEADS + 2 * KV_HEADS) * DIM, dtype=torch.bfloat16, device="cuda"),
        "out": matrix(HIDDEN, HEADS * DIM),
        "gate_up": matrix(2 * FFN, HIDDEN),
        "down": matrix(HIDDEN, FFN),
        "norm1": torch.ones(HIDDEN, dtype=torch.bfloat16, device="cuda"),
        "norm2": torch.ones(HIDDEN, dtype=torch.bfloat16, device="cuda"),
    }


def rms(x, weight):
    return F.rms_norm(x.float(), (x.shape[-1],), eps=1e-5).to(x.dtype) * weight


def rotate(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


def layer_step(x, w, keys, values, cos, sin, at):
    """x: [batch, rows, hidden]; rows are written into the cache at `at`."""
    batch, rows, _ = x.shape
    qkv = F.linear(rms(x, w["norm1"]), w["qkv"], w["bias"])
    q, k, v = qkv.split([HEADS * DIM, KV_HEADS * DIM, KV_HEADS * DIM], dim=-1)
    q = rotate(q.view(batch, rows, HEADS, DIM).transpose(1, 2), cos, sin)
    k = rotate(k.view(batch, rows, KV_HEADS, DIM).transpose(1, 2), cos, sin)
    v = v.view(batch, rows, KV_HEADS, DIM).transpose(1, 2)
    keys.index_copy_(2, at, k)
    values.index_copy_(2, at, v)
    if rows == 1:
        attended = F.scaled_dot_product_attention(q, keys, values, enable_gqa=True)
    else:
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    x = x + F.linear(attended.transpose(1, 2).reshape(batch, rows, HEADS * DIM), w["out"])
    gate, up = F.linear(rms(x, w["norm2"]), w["gate_up"]).chunk(2, dim=-1)
    return x + F.linear(F.silu(gate) * up, w["down"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=64)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--prefill", type=int, nargs="*", default=[])
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--mode", choices=["graph", "compile"], default="graph")
    options = parser.parse_args()
    torch.manual_seed(1)
    layers = [make_layer() for _ in range(options.layers)]
    head = matrix(VOCABULARY, HIDDEN)
    norm = torch.ones(HIDDEN, dtype=torch.bfloat16, device="cuda")

    def run(name, batch, rows):
        step = layer_step
        if options.mode == "compile":
            torch._dynamo.reset()
            step = torch.compile(layer_step, mode="max-autotune-no-cudagraphs", dynamic=False)
        length = max(options.context + 1, rows)
        caches = [
            [torch.randn(batch, KV_HEADS, length, DIM, dtype=torch.bfloat16, device="cuda") for _ in range(2)]
            for _ in layers
        ]
        x0 = torch.randn(batch, rows, HIDDEN, dtype=torch.bfloat16, device="cuda")
        cos = torch.randn(rows, DIM // 2, dtype=torch.bfloat16, device="cuda")
        at = torch.arange(rows, device="cuda") if rows > 1 else torch.tensor([options.context], device="cuda")

        def whole():
            x = x0
            for w, (keys, values) in zip(layers, caches):
                x = step(x, w, keys, values, cos, cos, at)
            return F.linear(rms(x[:, -1], norm), head).argmax(-1)

        with torch.no_grad():
            for _ in range(3):
                whole()
            torch.cuda.synchronize()
            replay = recorded(whole)
            ms = median_ms(replay, times=12, warm_up=3)
        print(json.dumps({"case": name, "peer": f"torch {torch.__version__} {options.mode}",
                          "layers": options.layers, "ms": round(ms, 3)}), flush=True)
        del caches, replay
        torch.cuda.empty_cache()

    for batch in options.batch:
        run(f"decode_{batch}", batch, 1)
    for rows in options.prefill:
        run(f"prefill_{rows}", 1, rows)


if __name__ == "__main__":
    main()
