#!/usr/bin/env python3
"""What the adaptor of models/nano-frames makes of a clip in PyTorch (training/adaptor.py): tests/golden/nano_frames.safetensors.

    python3 tests/golden/make_frames_goldens.py      needs whisper-base (PARLEY_MODELS) and training/requirements.txt

SPDX-License-Identifier: Apache-2.0
"""
import os
import sys

import soundfile
import torch
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
sys.path.insert(0, os.path.join(ROOT, "training"))
import adaptor  # noqa: E402

sound, rate = soundfile.read(os.path.join(HERE, "../data/speech/conversation/turn_000.flac"), dtype="float32")
assert rate == adaptor.RATE
models = os.environ.get("PARLEY_MODELS", os.path.expanduser("~/.cache/parley/models"))
with torch.no_grad():
    mel = adaptor.log_mel(torch.from_numpy(sound)[None], adaptor.mel_filters())
    encoded = adaptor.encode(adaptor.whisper_encoder(models + "/whisper-base/model.bin"), mel)
    rows = adaptor.load_adaptor(os.path.join(ROOT, "models/nano-frames/adaptor.safetensors"))(encoded)[0]
save_file({"rows": rows.half().contiguous()}, os.path.join(HERE, "nano_frames.safetensors"))
print(tuple(rows.shape), "rms", rows.square().mean().sqrt().item())
