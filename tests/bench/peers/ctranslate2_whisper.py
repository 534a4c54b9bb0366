"""CTranslate2's Whisper in int8: the encoder over 10 s and the decoder's pace, as JSON lines like parley_bench's.

usage: ctranslate2_whisper.py MODEL_DIR [--threads 1,2] [--seconds 2]
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import json
import statistics
import time

import ctranslate2
import numpy as np


def measure(run, seconds):
    run(), run()
    samples = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 5:
        start = time.perf_counter()
        run()
        samples.append((time.perf_counter() - start) * 1e6)
    samples.sort()
    return {"median_us": statistics.median(samples), "p10_us": samples[len(samples) // 10],
            "p90_us": samples[len(samples) * 9 // 10]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--seconds", type=float, default=2)
    a = parser.parse_args()
    mel = (np.arange(1000 * 80) % 97 / 97.0 - 0.5).astype(np.float32).reshape(1, 1000, 80).transpose(0, 2, 1).copy()
    for threads in map(int, a.threads.split(",")):
        model = ctranslate2.models.Whisper(a.model, compute_type="int8", intra_threads=threads)
        features = ctranslate2.StorageView.from_array(mel)
        times = measure(lambda: model.encode(features, to_cpu=True), a.seconds)
        print(json.dumps({"case": "whisper_encoder_10s", "backend": "ctranslate2 int8", "threads": threads, **times}), flush=True)
        heard = model.encode(features)
        prompt = [[50258, 50259, 50359, 50363]]

        def generate(tokens):  # exactly so many: nothing is allowed to end it, and max_length counts twice
            return model.generate(heard, prompt, beam_size=1, max_length=2 * tokens, suppress_tokens=[50257],
                                  suppress_blank=False)

        count = len(generate(40)[0].sequences_ids[0])
        few = len(generate(5)[0].sequences_ids[0])
        many, short = measure(lambda: generate(40), a.seconds), measure(lambda: generate(5), a.seconds)
        step = (many["median_us"] - short["median_us"]) / max(1, count - few)
        print(json.dumps({"case": "whisper_decode", "backend": "ctranslate2 int8", "threads": threads, "median_us": step,
                          "tokens_counted": count - few, "tokens_per_s": 1e6 / step}), flush=True)


if __name__ == "__main__":
    main()
