#!/usr/bin/env python3
"""Writes weights_goldens.txt: what the publishers' own readers (gguf-py; numpy over CTranslate2's documented layout, its
values checked against ctranslate2's own loader by the transcriber's goldens) find in the default models.

  tests/golden/make_weights_goldens.py MODELS_DIR > tests/golden/weights_goldens.txt
A line: model, tensor, shape, sum, sum of absolute values, and the values at five places.
SPDX-License-Identifier: Apache-2.0
"""
import glob
import struct
import sys

import gguf
import numpy as np


def line(model, name, x):
    flat = np.asarray(x, dtype=np.float64).reshape(-1)
    places = [(len(flat) - 1) * i // 4 for i in range(5)]
    shape = "x".join(str(s) for s in x.shape)
    picked = " ".join(f"{flat[p]:.9g}" for p in places)
    print(f"{model} {name} {shape} {flat.sum():.9g} {np.abs(flat).sum():.9g} {picked}")


def smollm2(path):
    for tensor in gguf.GGUFReader(path).tensors:
        if tensor.name.startswith("blk.") and not tensor.name.startswith(("blk.0.", "blk.17.", "blk.29.")):
            continue
        line("smollm2-135m-instruct", tensor.name, gguf.dequantize(tensor.data, tensor.tensor_type))


def whisper(path):
    data = open(path, "rb").read()
    at = 4

    def text():
        nonlocal at
        size, = struct.unpack_from("<H", data, at)
        at += 2 + size
        return data[at - size:at - 1].decode()

    text()
    _, count = struct.unpack_from("<II", data, at)
    at += 8
    kinds = [np.float32, np.int8, np.int16, np.int32, np.float16]
    for _ in range(count):
        name = text()
        rank = data[at]
        shape = struct.unpack_from(f"<{rank}I", data, at + 1)
        kind, size = struct.unpack_from("<BI", data, at + 1 + 4 * rank)
        at += 6 + 4 * rank
        values = np.frombuffer(data[at:at + size], kinds[kind]).reshape(shape)
        at += size
        if rank and ("layer_" not in name or "layer_0/" in name or "layer_5/" in name):
            line("whisper-base", name, values)


def quantised():
    """Hashes of what gguf-py makes of fixed values, whose rounding is that of GGML."""
    i = np.arange(32 * 256, dtype=np.uint64)
    mixed = ((i * 2654435761) % 2**32).astype(np.float64) / 2**31 - 1
    values = (mixed * (1 + i // 32)).astype(np.float32)
    for name in ("Q4_0", "Q4_1", "Q8_0"):
        fnv = 14695981039346656037
        for byte in gguf.quantize(values, gguf.GGMLQuantizationType[name]).tobytes():
            fnv = (fnv ^ byte) * 1099511628211 % 2**64
        print(f"quantized {name.lower()} {fnv:016x}")


quantised()
smollm2(glob.glob(sys.argv[1] + "/smollm2-135m-instruct/*.gguf")[0])
whisper(sys.argv[1] + "/whisper-base/model.bin")
