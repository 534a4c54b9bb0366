#!/usr/bin/env python3
"""Writes the goldens of mel, voice activity and turn end, computed by the reference implementations.

    python3 tests/golden/make_audio_goldens.py [--models ~/.cache/parley/models]

mel_*.npy              transformers' audio_utils (float64 inside), stored as float32
vad_probabilities.json onnxruntime on Silero, one value for each window of 512 samples
turn_probabilities.json onnxruntime on Smart Turn behind transformers' WhisperFeatureExtractor
The clips are those of tests/data/speech. Needs numpy, soundfile, transformers, onnxruntime.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import json
import pathlib
import sys

import numpy as np
import onnxruntime
import soundfile
import transformers
from transformers import WhisperFeatureExtractor
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

HERE = pathlib.Path(__file__).resolve().parent
SPEECH = HERE.parent / "data/speech"
RATE = 16000
VAD_CLIPS = ["conversation/turn_014.flac", "conversation/turn_018.flac", "read/spk2_snt2.flac", "noise/noise2.flac"]


def clip(name: str) -> np.ndarray:
    pcm, rate = soundfile.read(SPEECH / name, dtype="float32")
    assert rate == RATE and pcm.ndim == 1, name
    return pcm


def log_mel(pcm: np.ndarray, mels: int) -> np.ndarray:
    filters = mel_filter_bank(201, mels, 0.0, 8000.0, RATE, norm="slaney", mel_scale="slaney")
    spec = spectrogram(pcm.astype(np.float64), window_function(400, "hann"), frame_length=400, hop_length=160,
                       power=2.0, mel_filters=filters, mel_floor=1e-10, log_mel="log10")[:, :-1]
    return np.ascontiguousarray(((np.maximum(spec, spec.max() - 8.0) + 4.0) / 4.0).T, np.float32)  # [frames, mels]


def mel_goldens() -> None:
    pcm = clip("conversation/turn_014.flac")  # 2.48 s, padded to 3 s as a transcriber would
    np.save(HERE / "mel_whisper80.npy", log_mel(np.pad(pcm, (0, 300 * 160 - len(pcm))), 80))
    pcm = clip("read/spk2_snt2.flac")
    np.save(HERE / "mel_step_audio128.npy", log_mel(np.pad(pcm, (0, 479)), 128))


def vad_goldens(models: pathlib.Path) -> None:
    session = onnxruntime.InferenceSession(models / "silero-vad/silero_vad_openvino_16k.onnx")
    golden = {}
    for name in VAD_CLIPS:
        pcm, context, state, values = clip(name), np.zeros(64, np.float32), np.zeros((2, 1, 128), np.float32), []
        for i in range(0, len(pcm) - 511, 512):
            window = np.concatenate([context, pcm[i : i + 512]])
            out, state = session.run(None, {"input": window[None], "state": state})
            context = window[-64:]
            values.append(round(float(out[0, 0]), 7))
        golden[name] = values
    write_json("vad_probabilities.json", golden)


def turn_cases() -> list[tuple[str, int]]:
    """Whole questions, questions cut in the middle, one that is longer than 8 s, silence-padded ones."""
    cases = []
    for i in range(0, 30, 2):
        name = f"conversation/turn_{i:03d}.flac"
        n = len(clip(name))
        cases += [(name, n), (name, n * 6 // 10)]
    return cases + [("read/jfk.flac", len(clip("read/jfk.flac"))), ("read/spk2_snt2.flac", 16000)]


def turn_goldens(models: pathlib.Path) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(models / "smart-turn-v3/smart-turn-v3.2-cpu.onnx", options)
    extractor = WhisperFeatureExtractor(chunk_length=8)
    golden, features = [], None
    for name, end in turn_cases():
        pcm = clip(name)[:end][-8 * RATE :]
        pcm = np.pad(pcm, (8 * RATE - len(pcm), 0))
        features = extractor(pcm, sampling_rate=RATE, return_tensors="np", padding="max_length", max_length=8 * RATE,
                             truncation=True, do_normalize=True).input_features.astype(np.float32)
        # The int8 network amplifies rounding: features that differ by 1e-5 can move its answer by 0.4. So each case
        # carries the range of the reference's own answers to eight such neighbours.
        noise = np.random.default_rng(len(golden))
        answers = [session.run(None, {"input_features": features})[0].item()]
        for _ in range(8):
            near = features + noise.uniform(-1e-5, 1e-5, features.shape).astype(np.float32)
            answers.append(session.run(None, {"input_features": near})[0].item())
        golden.append({"clip": name, "end_sample": end, "probability": round(answers[0], 6),
                       "lowest": round(min(answers), 6), "highest": round(max(answers), 6)})
    write_json("turn_probabilities.json", golden)
    # The features of the last case, every eighth frame: the test computes the same clip.
    np.save(HERE / "mel_smart_turn.npy", np.ascontiguousarray(features[0].T[::8]))


def write_json(name: str, values) -> None:
    about = {"made_by": "tests/golden/make_audio_goldens.py", "onnxruntime": onnxruntime.__version__,
             "transformers": transformers.__version__, "numpy": np.__version__, "python": sys.version.split()[0]}
    (HERE / name).write_text(json.dumps({"about": about, "values": values}, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path.home() / ".cache/parley/models")
    models = parser.parse_args().models
    mel_goldens()
    vad_goldens(models)
    turn_goldens(models)


if __name__ == "__main__":
    main()
