#!/usr/bin/env python3
"""What CTranslate2 hears in our clips: Whisper base in f32, greedy, padded to 30 s. One line a clip: path, ids, text.

    python3 tests/golden/make_whisper_goldens.py MODELS_DIR > tests/golden/whisper_transcripts.txt

SPDX-License-Identifier: Apache-2.0
"""

import glob
import os
import sys

import ctranslate2
import numpy as np
import soundfile
import tokenizers
import transformers

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data", "speech")
PROMPT = [50258, 50259, 50359, 50363]  # start, English, transcribe, no timestamps


def main(models):
    folder = os.path.join(models, "whisper-base")
    model = ctranslate2.models.Whisper(folder, compute_type="float32", intra_threads=2)
    tokenizer = tokenizers.Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    features = transformers.WhisperFeatureExtractor()
    print(f"# ctranslate2 {ctranslate2.__version__}, Whisper base f32, greedy, 30 s; see make_whisper_goldens.py")
    clips = sorted(glob.glob(os.path.join(DATA, "conversation", "*.flac")))
    clips += sorted(glob.glob(os.path.join(DATA, "read", "spk*.flac")))
    for path in clips:
        sound, rate = soundfile.read(path, dtype="float32")
        assert rate == 16000 and sound.ndim == 1, path
        mel = features(sound, sampling_rate=16000, return_tensors="np").input_features
        out = model.generate(ctranslate2.StorageView.from_array(np.ascontiguousarray(mel)), [PROMPT], beam_size=1)
        ids = [i for i in out[0].sequences_ids[0] if i < 50257]
        print(os.path.relpath(path, DATA), ",".join(map(str, ids)), tokenizer.decode(ids).strip(), sep="\t")


main(sys.argv[1])
