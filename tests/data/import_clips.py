#!/usr/bin/env python3
"""Makes tests/data/speech from the original recordings: 16 kHz, mono, 16 bit, FLAC.

    python3 tests/data/import_clips.py DIR      # DIR holds conversation/ read/ rooms/ noise/ step_audio/

Needs numpy, scipy, soundfile. Files that are 16 kHz mono already keep every sample; others are averaged to one
channel and resampled with a polyphase filter (Kaiser 8.6), once and here, so that every test sees the same samples.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import math
import pathlib
import shutil
import sys

import numpy as np
import soundfile
from scipy.signal import resample_poly

RATE = 16000
HERE = pathlib.Path(__file__).resolve().parent / "speech"
READ = ["spk1_snt1", "spk1_snt4", "spk2_snt2", "jfk"]


def convert(source: pathlib.Path, target: pathlib.Path, seconds: float | None = None) -> float:
    pcm, rate = soundfile.read(source, dtype="float64", always_2d=True)
    mono = pcm.mean(axis=1)
    if rate != RATE:
        g = math.gcd(rate, RATE)
        mono = resample_poly(mono, RATE // g, rate // g, window=("kaiser", 8.6))
    if seconds:
        mono = mono[: int(seconds * RATE)]
    exact = np.clip(np.round(mono * 32768), -32768, 32767).astype(np.int16)
    target.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(target, exact, RATE, subtype="PCM_16", format="FLAC")
    return len(exact) / RATE


def convert_listed(source: pathlib.Path, folder: str, wanted) -> None:
    listed = []
    for entry in json.loads((source / folder / "manifest.json").read_text()):
        if wanted and entry["id"] not in wanted:
            continue
        name = entry["id"] + ".flac"
        seconds = convert(source / folder / entry["file"], HERE / folder / name)
        listed.append({**entry, "file": name, "seconds": round(seconds, 2), "rate_hz": RATE})
    (HERE / folder / "manifest.json").write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    source = pathlib.Path(sys.argv[1])
    convert_listed(source, "conversation", None)
    shutil.copy(source / "conversation/turn_014.wav", HERE / "conversation/turn_014_24k.wav")  # as it was recorded
    convert_listed(source, "read", READ)
    for room in ("rir1", "rir2", "rir3", "rir4"):
        convert(source / f"rooms/{room}.wav", HERE / f"rooms/{room}.flac")
    convert(source / "noise/noise2.wav", HERE / "noise/noise2.flac", 3)
    convert(source / "noise/noise3.wav", HERE / "noise/noise3.flac", 3)
    for clip in ("mmsu_test", "Speaker_Trait_Inference"):
        convert(source / f"step_audio/{clip}.wav", HERE / f"step_audio/{clip}.flac")


if __name__ == "__main__":
    main()
