#!/usr/bin/env python3
"""One figure of a peer, for `parley bench engine --peers DIR`: prints a number in the unit of the case.

  peer.py decode|prefill_128|prefill_512|branches_4 --model GGUF --threads N --cache DIR     llama.cpp, Q4_0
  peer.py perplexity --model GGUF --threads N --cache DIR                                    the same, of the golden text
  peer.py whisper_encoder_10s|whisper_decoder --whisper DIR --threads N [--sound WAV]        CTranslate2, int8
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import os
import statistics
import sys
import time

PROMPT, DECODED = 64, 128


def q4_0(model, cache):
    """The peer's fastest 4-bit format, made once from our file."""
    import ctypes
    import llama_cpp
    made = os.path.join(cache, os.path.basename(model) + ".q4_0.gguf")
    if not os.path.exists(made):
        params = llama_cpp.llama_model_quantize_default_params()
        params.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0
        params.allow_requantize = True
        if llama_cpp.llama_model_quantize(model.encode(), (made + ".part").encode(), ctypes.byref(params)) != 0:
            sys.exit("llama.cpp could not quantise " + model)
        os.rename(made + ".part", made)
    return made


class Llama:
    def __init__(self, args):
        import llama_cpp
        self.c = llama_cpp
        llama_cpp.llama_backend_init()
        silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
        self.keep = silent
        llama_cpp.llama_log_set(silent, None)
        path = q4_0(args.model, args.cache)
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = 4096, 512, 512
        params.n_threads = params.n_threads_batch = args.threads
        params.n_seq_max, params.kv_unified = 8, True
        self.ctx = llama_cpp.llama_init_from_model(self.model, params)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.batch = llama_cpp.llama_batch_init(512, 0, 8)

    def prompt(self, n):
        return [(i * 7919 + 13) % self.vocabulary for i in range(n)]

    def run(self, rows):
        """rows: (token, position, sequence, logits wanted)"""
        b = self.batch
        b.n_tokens = len(rows)
        for i, (token, position, sequence, logits) in enumerate(rows):
            b.token[i], b.pos[i], b.n_seq_id[i], b.logits[i] = token, position, 1, int(logits)
            b.seq_id[i][0] = sequence
        if self.c.llama_decode(self.ctx, b) != 0:
            sys.exit("llama_decode failed")

    def best(self, row):
        import numpy as np
        logits = self.c.llama_get_logits_ith(self.ctx, row)
        return int(np.ctypeslib.as_array(logits, shape=(self.vocabulary,)).argmax())

    def forget(self):
        self.c.llama_memory_clear(self.c.llama_get_memory(self.ctx), True)

    def fill(self, n, sequence=0):
        self.run([(t, i, sequence, i == n - 1) for i, t in enumerate(self.prompt(n))])

    def decode(self):
        self.forget()
        self.fill(PROMPT)
        token = self.best(-1)
        begin = time.perf_counter()
        for i in range(DECODED):
            self.run([(token, PROMPT + i, 0, True)])
            token = self.best(-1)
        return DECODED / (time.perf_counter() - begin)

    def prefill(self, n):
        self.forget()
        begin = time.perf_counter()
        self.fill(n)
        self.best(-1)  # waits for it
        return n / (time.perf_counter() - begin)

    def step(self, branches):
        self.forget()
        self.fill(PROMPT)
        memory = self.c.llama_get_memory(self.ctx)
        for s in range(1, branches):
            self.c.llama_memory_seq_cp(memory, 0, s, -1, -1)
        tokens, times = [self.best(-1)] * branches, []
        for i in range(40):
            begin = time.perf_counter()
            self.run([(tokens[s], PROMPT + i, s, True) for s in range(branches)])
            tokens = [self.best(s) for s in range(branches)]
            times.append(time.perf_counter() - begin)
        return statistics.median(times)


    def perplexity(self):
        import numpy as np
        windows, step = golden_text(), 100
        surprise = count = 0
        for window in windows:
            self.forget()
            for at in range(0, len(window), step):
                self.run([(int(t), at + i, 0, True) for i, t in enumerate(window[at:at + step])])
                for i in range(min(step, len(window) - at - 1)):
                    row = self.c.llama_get_logits_ith(self.ctx, i)
                    logits = np.ctypeslib.as_array(row, shape=(self.vocabulary,)).astype(np.float64)
                    largest = logits.max()
                    surprise += np.log(np.exp(logits - largest).sum()) + largest - logits[window[at + i + 1]]
                    count += 1
        return float(np.exp(surprise / count))


def golden_text():
    """The 10 x 2,000 ids that `parley bench quality` reads."""
    import json
    import numpy as np
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "..", "golden", "smollm2.top1.safetensors"), "rb") as f:
        header = json.loads(f.read(int.from_bytes(f.read(8), "little")))
        body = f.read()
    begin, end = header["ids"]["data_offsets"]
    return np.frombuffer(body[begin:end], dtype=np.float32).reshape(header["ids"]["shape"]).astype(int)


def whisper(args):
    import wave
    import ctranslate2
    import numpy as np
    model = ctranslate2.models.Whisper(args.whisper, device="cpu", compute_type="int8",
                                       intra_threads=args.threads, inter_threads=1)
    rng = np.random.default_rng(1)
    features = rng.standard_normal((1, model.n_mels, 1000), dtype=np.float32) * 0.3
    view = ctranslate2.StorageView.from_array(features)
    if args.case == "whisper_encoder_10s":
        model.encode(view)
        begin = time.perf_counter()
        np.array(model.encode(view))
        return (time.perf_counter() - begin) * 1000
    encoded = model.encode(view)
    prompt = [[50258, 50259, 50359, 50363]]
    def say(n):
        begin = time.perf_counter()
        out = model.generate(encoded, prompt, beam_size=1, max_length=n, suppress_tokens=[50257],
                             suppress_blank=False)
        return time.perf_counter() - begin, len(out[0].sequences_ids[0])
    say(24)
    short, few = say(24)
    long, many = say(104)
    return (many - few) / (long - short)  # the prompt's and the cross keys' time drops out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cache", default=".")
    parser.add_argument("--model")
    parser.add_argument("--whisper")
    parser.add_argument("--sound")
    args = parser.parse_args()
    if args.case.startswith("whisper"):
        print(whisper(args))
        return
    if not args.model:
        sys.exit("the peer needs a real model: --model")
    llama = Llama(args)
    if args.case == "perplexity":
        print(llama.perplexity())
        return
    measure = {"decode": llama.decode, "prefill_128": lambda: llama.prefill(128),
               "prefill_512": lambda: llama.prefill(512),
               "branches_4": lambda: llama.step(4) / llama.step(1)}[args.case]
    measure()  # warm
    print(measure())


if __name__ == "__main__":
    main()
