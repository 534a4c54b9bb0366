#!/usr/bin/env python3
"""Writes the goldens of the model: tiny random networks run by PyTorch and transformers, tap by tap.

For each network: a checkpoint in the layout a user would have (DIR/config.json, DIR/model.safetensors, and for Llama
also llama.gguf) and NAME.taps.safetensors, whose tensor names are tap names; names that begin with `input.` are what
the test feeds. Weights are rounded so that bf16 and f16 hold them exactly; arithmetic is f32.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install torch transformers safetensors gguf numpy
    python3 tests/golden/make_model_goldens.py [llama] [step_audio] [whisper]

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import sys

import gguf
import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20251122


def provenance(what):
    return {
        "what": what,
        "seed": str(SEED),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "command": "python tests/golden/make_model_goldens.py",
    }


def randomise(module):
    """Weights of useful size (the default init is so small that an error would hide), exact in bf16 and in f16."""
    torch.manual_seed(SEED)
    for name, p in module.named_parameters():
        with torch.no_grad():
            if "norm" in name and name.endswith("weight"):
                p.copy_(1.0 + 0.2 * torch.randn_like(p))
            elif p.dim() == 1:
                p.copy_(0.2 * torch.randn_like(p))
            else:
                fan_in = p[0].numel() if "embed" not in name else 4
                p.copy_(torch.randn_like(p) / fan_in**0.5)
            rounded = p.to(torch.bfloat16).float()
            rounded[rounded.abs() < 1e-4] = 0.0  # below that, f16 has fewer bits than bf16
            p.copy_(rounded)
    return module.eval()


def hook_outputs(modules, taps, name):
    for i, m in enumerate(modules):
        m.register_forward_hook(
            lambda _, __, out, i=i: taps.__setitem__(f"{name}.{i}", (out[0] if isinstance(out, tuple) else out)[0])
        )


def save_checkpoint(name, tensors, config):
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f, indent=1)
        f.write("\n")
    tensors = {k: v.detach().to(torch.bfloat16).contiguous() for k, v in tensors.items()}
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata=provenance(name))


def save_taps(name, taps):
    taps = {k: v.detach().float().reshape(-1, v.shape[-1]).contiguous().clone() for k, v in taps.items()}
    save_file(taps, os.path.join(HERE, name + ".taps.safetensors"), metadata=provenance(name))


def run_decoder(model, embeds, taps):
    for i, layer in enumerate(model.model.layers):
        layer.self_attn.o_proj.register_forward_pre_hook(
            lambda _, args, i=i: taps.__setitem__(f"decoder.attn.{i}", args[0][0]))
    hook_outputs(model.model.layers, taps, "decoder.layer")
    with torch.no_grad():
        logits = model(inputs_embeds=embeds).logits[0]
    taps["decoder.embed"] = embeds[0]
    taps["decoder.logits"] = logits


def make_llama():
    config = transformers.LlamaConfig(
        vocab_size=128, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, rms_norm_eps=1e-5, tie_word_embeddings=True,
        attn_implementation="eager")
    config.rope_parameters = {"rope_type": "default", "rope_theta": 100000.0}
    model = randomise(transformers.LlamaForCausalLM(config))
    state = {k: v for k, v in model.state_dict().items() if k != "lm_head.weight"}
    flat = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 128,
        "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 100000.0, "rope_scaling": None,
        "tie_word_embeddings": True, "torch_dtype": "bfloat16"}
    save_checkpoint("llama", state, flat)
    write_llama_gguf(state)

    ids = torch.randint(0, 128, (1, 37))  # more than two pages of 16
    taps = {"input.ids": ids.float()}
    run_decoder(model, model.model.embed_tokens(ids), taps)
    save_taps("llama", taps)


def write_llama_gguf(state):
    """The same weights as llama.cpp's converter would store them: q and k permuted for interleaved rope."""
    w = gguf.GGUFWriter(os.path.join(HERE, "llama.gguf"), "llama")
    w.add_block_count(2)
    w.add_context_length(256)
    w.add_embedding_length(64)
    w.add_feed_forward_length(96)
    w.add_head_count(4)
    w.add_head_count_kv(2)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_rope_freq_base(100000.0)
    w.add_rope_dimension_count(16)
    w.add_vocab_size(128)

    def permute(t, heads):
        return t.reshape(heads, 2, t.shape[0] // heads // 2, t.shape[1]).swapaxes(1, 2).reshape(t.shape)

    def add(name, t):
        t = t.detach().numpy().astype(np.float32)
        w.add_tensor(name, t if t.ndim == 1 else t.astype(np.float16))

    add("token_embd.weight", state["model.embed_tokens.weight"])
    add("output_norm.weight", state["model.norm.weight"])
    names = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
             "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
             "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
    for i in range(2):
        for ours, theirs in names.items():
            t = state[f"model.layers.{i}.{theirs}.weight"]
            if ours == "attn_q":
                t = permute(t, 4)
            if ours == "attn_k":
                t = permute(t, 2)
            add(f"blk.{i}.{ours}.weight", t)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def run_encoder(encoder, mel, taps, pool):
    """Any length, unpadded: what the class itself allows only for its full window."""
    hook_outputs(encoder.layers, taps, "encoder.block")
    with torch.no_grad():
        x = nn.functional.gelu(encoder.conv1(mel))
        x = nn.functional.gelu(encoder.conv2(x)).permute(0, 2, 1)
        x = x + encoder.embed_positions.weight[: x.shape[1]]
        taps["encoder.conv"] = x[0].clone()
        for layer in encoder.layers:
            x = layer(x, None)
            x = x[0] if isinstance(x, tuple) else x
        if pool:
            x = nn.functional.avg_pool1d(x.permute(0, 2, 1), 2, 2).permute(0, 2, 1)
        x = encoder.layer_norm(x)
    taps["encoder.out"] = x[0]
    return x


class StepAdaptor(nn.Module):
    """conv(k3 s2 p1) + GELU, linear + ReLU, linear (design: model.md 1.2); the middle width is the checkpoint's."""

    def __init__(self, state, middle, width):
        super().__init__()
        self.conv = nn.Conv1d(state, state, 3, stride=2, padding=1)
        self.linear1 = nn.Linear(state, middle)
        self.linear2 = nn.Linear(middle, width)

    def forward(self, x):
        x = nn.functional.gelu(self.conv(x.permute(0, 2, 1))).permute(0, 2, 1)
        return self.linear2(nn.functional.relu(self.linear1(x)))


def step_encoder_names(state):
    out = {}
    for k, v in state.items():
        if k.endswith("k_proj.bias"):
            assert not v.any()
            continue
        for a, b in [("embed_positions", "positional_embedding"), ("self_attn_layer_norm", "attn_ln"),
                     ("final_layer_norm", "mlp_ln"), ("self_attn.q_proj", "attn.query"),
                     ("self_attn.k_proj", "attn.key"), ("self_attn.v_proj", "attn.value"),
                     ("self_attn.out_proj", "attn.out"), ("fc1", "mlp.0"), ("fc2", "mlp.2"), ("layers.", "blocks.")]:
            k = k.replace(a, b)
        if k.startswith("layer_norm."):
            k = k.replace("layer_norm", "after_norm")
        out["encoder." + k] = v
    return out


def make_step_audio():
    from transformers.models.qwen2_audio import modeling_qwen2_audio as q
    audio = q.Qwen2AudioEncoderConfig(
        num_mel_bins=128, d_model=32, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=64,
        max_source_positions=24, attn_implementation="eager")
    encoder = randomise(q.Qwen2AudioEncoder(audio))
    with torch.no_grad():
        for layer in encoder.layers:
            if layer.self_attn.k_proj.bias is not None:
                layer.self_attn.k_proj.bias.zero_()
    adaptor = randomise(StepAdaptor(32, 40, 48))
    text = transformers.Qwen2Config(
        vocab_size=128, hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=1, max_position_embeddings=256, rms_norm_eps=1e-6, tie_word_embeddings=False,
        attn_implementation="eager")
    text.rope_parameters = {"rope_type": "default", "rope_theta": 1000000.0}
    decoder = randomise(transformers.Qwen2ForCausalLM(text))

    full = torch.randn(1, 128, 48)
    with torch.no_grad():
        assert torch.allclose(run_encoder(encoder, full, {}, pool=True), encoder(full).last_hidden_state, atol=1e-6)

    state = step_encoder_names(encoder.state_dict())
    state |= {"adapter." + k: v for k, v in adaptor.state_dict().items()}
    state |= decoder.state_dict()
    config = {
        "architectures": ["StepAudio2ForCausalLM"], "model_type": "step_audio_2",
        "audio_encoder_config": {
            "n_mels": 128, "n_audio_ctx": 24, "n_audio_state": 32, "n_audio_head": 2, "n_audio_layer": 2,
            "n_codebook_size": 4096, "llm_dim": 48, "kernel_size": 3, "adapter_stride": 2},
        "text_config": {
            "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 3,
            "num_attention_groups": 1, "num_key_value_heads": 1, "vocab_size": 128, "max_position_embeddings": 256,
            "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "rope_scaling": None, "tie_word_embeddings": False,
            "eos_token_id": 1}}
    save_checkpoint("step_audio", state, config)

    taps = {}
    mel = torch.randn(1, 128, 45)  # odd: 23 rows after the convolutions, 11 after the pool, 6 after the adaptor
    taps["input.mel"] = mel[0].T
    with torch.no_grad():
        heard = adaptor(run_encoder(encoder, mel, taps, pool=True))
    taps["adaptor.out"] = heard[0]
    before, after = torch.randint(0, 128, (1, 5)), torch.randint(0, 128, (1, 9))
    patches = torch.full((1, heard.shape[1]), -1)
    taps["input.ids"] = torch.cat([before, patches, after], 1).float()
    embed = decoder.model.embed_tokens
    run_decoder(decoder, torch.cat([embed(before), heard, embed(after)], 1).detach(), taps)
    save_taps("step_audio", taps)


def make_whisper():
    config = transformers.WhisperConfig(
        vocab_size=96, num_mel_bins=80, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, max_source_positions=20,
        max_target_positions=24, pad_token_id=0, bos_token_id=0, eos_token_id=0, decoder_start_token_id=1,
        suppress_tokens=[], begin_suppress_tokens=[], attn_implementation="eager")
    model = randomise(transformers.WhisperForConditionalGeneration(config))
    with torch.no_grad():
        model.proj_out.weight.copy_(model.model.decoder.embed_tokens.weight)
    full = torch.randn(1, 80, 40)
    with torch.no_grad():
        assert torch.allclose(run_encoder(model.model.encoder, full, {}, pool=False),
                              model.model.encoder(full).last_hidden_state, atol=1e-6)
    state = {k: v for k, v in model.state_dict().items() if k != "proj_out.weight"}
    save_checkpoint("whisper", state, {
        "architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper", "d_model": 32,
        "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
        "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "num_mel_bins": 80, "max_source_positions": 20,
        "max_target_positions": 24, "vocab_size": 96})

    taps = {}
    mel = torch.randn(1, 80, 31)
    taps["input.mel"] = mel[0].T
    encoded = run_encoder(model.model.encoder, mel, taps, pool=False)
    ids = torch.randint(0, 96, (1, 11))
    taps["input.ids"] = ids.float()
    hook_outputs(model.model.decoder.layers, taps, "whisper.layer")
    with torch.no_grad():
        out = model.model.decoder(input_ids=ids, encoder_hidden_states=encoded).last_hidden_state
        taps["whisper.logits"] = model.proj_out(out)[0]
    save_taps("whisper", taps)


if __name__ == "__main__":
    for which in sys.argv[1:] or ["llama", "step_audio", "whisper"]:
        {"llama": make_llama, "step_audio": make_step_audio, "whisper": make_whisper}[which]()
