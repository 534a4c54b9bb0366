#!/usr/bin/env python3
"""Writes width.taps.safetensors: encoder, adaptor and decoder of Step-Audio-R1 in their true widths, one layer each and a
vocabulary of 4,096, run by transformers in f32.

The weights are written nowhere: value i of a tensor is RandomValue(FNV-1a of its name, i) of kernels/random_values.h, by
the rules of `weight` below; tests/golden/width_test.cc makes the same ones. Takes 6 GB and half a minute.

    /tmp/venv/bin/python tests/golden/make_width_goldens.py

SPDX-License-Identifier: Apache-2.0
"""

import os

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

from make_model_goldens import HERE, StepAdaptor, run_encoder, step_encoder_names

PIECE = 1 << 22
WIDTH, FFN, HEADS, KV_HEADS, VOCABULARY = 5120, 27648, 40, 8, 4096
AUDIO, AUDIO_FFN, AUDIO_HEADS, ADAPTOR = 1280, 5120, 20, 2048


def seed_of(name):
    fnv = 14695981039346656037
    for byte in name.encode():
        fnv = ((fnv ^ byte) * 1099511628211) % (1 << 64)
    return fnv


def random_values(seed, count):
    out = np.empty(count, np.float32)
    with np.errstate(over="ignore"):
        for begin in range(0, count, PIECE):
            i = np.arange(begin + 1, min(begin + PIECE, count) + 1, dtype=np.uint64)
            z = np.uint64(seed) + i * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z ^= z >> np.uint64(31)
            top = (z >> np.uint64(40)).astype(np.int32) - (1 << 23)
            out[begin:begin + len(top)] = top.astype(np.float32) * np.float32(2.0**-23)
    return out


def weight(name, shape):
    """Matrices, exact in bf16: uniform with the variance 1 / in; a table of embeddings in [-1, 1). Convolutions and
    positions: the same, in f32. Vectors in f32: a norm's weight in 1 +- 0.2, everything else in +- 0.2."""
    values = torch.from_numpy(random_values(seed_of(name), int(np.prod(shape)))).reshape(shape)
    if len(shape) == 1:
        is_norm = name.endswith(".weight")
        return values.mul_(np.float32(0.2)).add_(1.0) if is_norm else values.mul_(np.float32(0.2))
    if "embed" not in name:
        values.mul_(float(np.float32(np.sqrt(3.0 / np.prod(shape[1:])))))
    if len(shape) == 3 or "positional" in name:
        return values
    return values.to(torch.bfloat16).float()


def fill(module, prefix, names=None):
    """`names`: the checkpoint's name of each parameter; None: the same."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            ours = name if names is None else names.get(name)
            if ours is None:
                parameter.zero_()  # the key's bias, which the checkpoint does not have
            else:
                parameter.copy_(weight(prefix + ours, tuple(parameter.shape)))
    return module.eval()


def encoder_names(encoder):
    state = {k: torch.zeros(1) for k, _ in encoder.named_parameters()}
    names = {}
    for name in state:
        ours = step_encoder_names({name: state[name]})
        if ours:
            names[name] = next(iter(ours))
    return names


def no_values(_module, *_args):
    pass


def main():
    from transformers.models.qwen2_audio import modeling_qwen2_audio as q
    transformers.PreTrainedModel._init_weights = no_values  # half a billion values that nobody wants
    for layer in (torch.nn.Linear, torch.nn.Embedding):
        layer.reset_parameters = no_values

    encoder = q.Qwen2AudioEncoder(q.Qwen2AudioEncoderConfig(
        num_mel_bins=128, d_model=AUDIO, encoder_layers=1, encoder_attention_heads=AUDIO_HEADS,
        encoder_ffn_dim=AUDIO_FFN, max_source_positions=1500, attn_implementation="eager"))
    fill(encoder, "", encoder_names(encoder))
    adaptor = fill(StepAdaptor(AUDIO, ADAPTOR, WIDTH), "adapter.")
    text = transformers.Qwen2Config(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=FFN, num_hidden_layers=1,
        num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, max_position_embeddings=65536, rms_norm_eps=1e-5,
        tie_word_embeddings=False, attn_implementation="eager")
    text.rope_parameters = {"rope_type": "default", "rope_theta": 1000000.0}
    decoder = fill(transformers.Qwen2ForCausalLM(text), "")

    taps = {}
    mel = torch.from_numpy(random_values(seed_of("input.mel"), 128 * 13)).reshape(1, 128, 13)
    with torch.no_grad():
        heard = adaptor(run_encoder(encoder, mel, taps, pool=True))
        ids = [2000, 7, 4095]
        embed = decoder.model.embed_tokens(torch.tensor([ids]))
        logits = decoder(inputs_embeds=torch.cat([embed[:, :1], heard, embed[:, 1:]], 1)).logits[0]
    keep = {
        "input.mel": mel[0].T,
        "input.ids": torch.tensor([[ids[0]] + [-1] * heard.shape[1] + ids[1:]]).float(),
        "encoder.out": taps["encoder.out"],
        "adaptor.out": heard[0],
        "decoder.logits": logits,
    }
    save_file({k: v.detach().float().reshape(-1, v.shape[-1]).contiguous().clone() for k, v in keep.items()},
              os.path.join(HERE, "width.taps.safetensors"),
              metadata={"torch": torch.__version__, "transformers": transformers.__version__,
                        "command": "python tests/golden/make_width_goldens.py"})


if __name__ == "__main__":
    main()
