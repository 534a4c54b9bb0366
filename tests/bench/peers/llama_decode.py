"""llama.cpp on the same checkpoint, requantised to Q4_0 (its fastest format here): JSON lines like parley_bench's.

usage: llama_decode.py MODEL.gguf [--work DIR] [--threads 1,2] [--seconds 2]
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import ctypes
import json
import os
import statistics
import time

import llama_cpp as lib


def quantised(source, work):
    path = os.path.join(work, os.path.basename(source).replace(".gguf", "") + ".peer-q4_0.gguf")
    if not os.path.exists(path):
        params = lib.llama_model_quantize_default_params()
        params.ftype = lib.LLAMA_FTYPE_MOSTLY_Q4_0
        params.allow_requantize = True
        if lib.llama_model_quantize(source.encode(), path.encode(), ctypes.byref(params)) != 0:
            raise SystemExit(f"cannot quantise {source}")
    return path


class Loop:
    def __init__(self, model, threads):
        params = lib.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_seq_max, params.kv_unified = 2048, 256, 4, True
        params.n_threads = params.n_threads_batch = threads
        self.context = lib.llama_init_from_model(model, params)
        self.memory = lib.llama_get_memory(self.context)
        self.batch = lib.llama_batch_init(256, 0, 4)

    def step(self, rows):  # rows: (position, sequence, wants logits)
        b = self.batch
        b.n_tokens = len(rows)
        for i, (position, seq, logits) in enumerate(rows):
            b.token[i], b.pos[i], b.n_seq_id[i], b.logits[i] = 1000 + 37 * i, position, 1, logits
            b.seq_id[i][0] = seq
        if lib.llama_decode(self.context, b) != 0:
            raise SystemExit("llama_decode failed")

    def forget(self, seq, begin):
        lib.llama_memory_seq_rm(self.memory, seq, begin, -1)

    def fill(self, seq, length):
        for begin in range(0, length, 256):
            self.step([(p, seq, False) for p in range(begin, min(length, begin + 256))])


def measure(run, reset, seconds):
    samples = []
    for warm in (True, False):
        end = time.perf_counter() + (0.2 if warm else seconds)
        while time.perf_counter() < end or len(samples) < 9:
            start = time.perf_counter()
            run()
            samples.append((time.perf_counter() - start) * 1e6)
            reset()
        if warm:
            samples.clear()
    samples.sort()
    return {"median_us": statistics.median(samples), "p10_us": samples[len(samples) // 10],
            "p90_us": samples[len(samples) * 9 // 10]}


def report(case, threads, times, tokens):
    print(json.dumps({"case": case, "backend": "llama.cpp q4_0", "threads": threads, **times,
                      "tokens_per_s": tokens / times["median_us"] * 1e6}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--work", default="/tmp")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--seconds", type=float, default=2)
    a = parser.parse_args()
    lib.llama_backend_init()
    model = lib.llama_model_load_from_file(quantised(a.model, a.work).encode(), lib.llama_model_default_params())
    for threads in map(int, a.threads.split(",")):
        loop = Loop(model, threads)
        loop.fill(0, 64)
        report("decode_at_64", threads,
               measure(lambda: loop.step([(64, 0, True)]), lambda: loop.forget(0, 64), a.seconds), 1)
        for seq in (1, 2, 3):
            lib.llama_memory_seq_cp(loop.memory, 0, seq, 0, 64)
        report("decode_4_branches", threads,
               measure(lambda: loop.step([(64, s, True) for s in range(4)]),
                       lambda: [loop.forget(s, 64) for s in range(4)], a.seconds), 4)
        for seq in range(4):
            loop.forget(seq, 0)
        report("prefill_128", threads,
               measure(lambda: loop.step([(p, 0, p == 127) for p in range(128)]),
                       lambda: loop.forget(0, 0), a.seconds), 128)
        loop.fill(0, 1024)
        report("decode_at_1024", threads,
               measure(lambda: loop.step([(1024, 0, True)]), lambda: loop.forget(0, 1024), a.seconds), 1)
        lib.llama_free(loop.context)


if __name__ == "__main__":
    main()
