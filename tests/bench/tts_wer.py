#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How well is the voice understood? Speaks the 60 sentences of tts_sentences.txt with parley_say,
has Whisper base write them down (greedy, padded to 30 s), and counts wrong words.

  python3 tests/bench/tts_wer.py build-dev/tests/bench/parley_say MODELS_DIR [SETTINGS ...]

A SETTINGS is a line for PARLEY_SAY, e.g. "bf16=1" or "espeak=1 noise=0"; "" is the default. Needs
numpy, ctranslate2, transformers, tokenizers, soundfile, scipy.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import ctranslate2
import numpy as np
import scipy.signal
import soundfile
import tokenizers
from transformers import WhisperFeatureExtractor


def words(text):
    return re.sub(r"[^a-z' ]+", " ", text.lower()).replace("'", "").split()


def errors(reference, heard):
    row = list(range(len(heard) + 1))
    for i, r in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, h in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(diagonal + (r != h), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def main():
    say, models = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    settings = sys.argv[3:] or [""]
    text = pathlib.Path(__file__).with_name("tts_sentences.txt").read_text()
    sentences = text.splitlines()
    whisper = ctranslate2.models.Whisper(str(models / "whisper-base"), compute_type="int8", intra_threads=1)
    tokenizer = tokenizers.Tokenizer.from_file(str(models / "whisper-base" / "tokenizer.json"))
    prompt = [tokenizer.token_to_id(t) for t in
              ("<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>")]
    extractor = WhisperFeatureExtractor(feature_size=80)
    for setting in settings:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([say, models / "piper-en-us-joe", folder], input=text, text=True, check=True,
                           stdout=subprocess.DEVNULL, env={**os.environ, "PARLEY_SAY": setting})
            wrong = total = exact = 0
            for n, sentence in enumerate(sentences):
                sound, rate = soundfile.read(f"{folder}/{n:03d}.wav", dtype="float32")
                sound = scipy.signal.resample_poly(sound, 16000 // 50, rate // 50)
                mel = extractor(sound, sampling_rate=16000, return_tensors="np").input_features
                ids = whisper.generate(ctranslate2.StorageView.from_array(np.ascontiguousarray(mel)), [prompt],
                                       beam_size=1)[0].sequences_ids[0]
                heard = tokenizer.decode(ids)
                off = errors(words(sentence), words(heard))
                wrong, total, exact = wrong + off, total + len(words(sentence)), exact + (off == 0)
                if off and os.environ.get("VERBOSE"):
                    print(f"  {off}: {sentence} -> {heard.strip()}")
            print(f'"{setting}": {wrong} of {total} words wrong = {100 * wrong / total:.1f} %, '
                  f"{exact} of {len(sentences)} sentences exact", flush=True)


main()
