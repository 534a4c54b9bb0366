"""The default language models in transformers, in f32 on the numbers that parley computes with: the dequantised weights
of the GGUF file and, of a model that is shipped as a low-rank update of it (nano), the merged ones, rounded to the groups
that the program keeps them in (src/weights/low_rank_update.cc). Merging follows the same order of additions.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os

import gguf
import numpy as np
import torch
import transformers

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
FOLDER = "smollm2-135m-instruct"
Q = gguf.GGMLQuantizationType
HF = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
      "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def read_safetensors(path):
    kinds = {"F16": np.float16, "F32": np.float32, "I32": np.int32}
    with open(path, "rb") as f:
        header = json.loads(f.read(int.from_bytes(f.read(8), "little")))
        body = f.read()
    about = header.pop("__metadata__", {})
    return about, {name: np.frombuffer(body[slice(*h["data_offsets"])], kinds[h["dtype"]]).reshape(h["shape"])
                   for name, h in header.items()}


def rounded(values, kind):
    """Through the quantised form and back, as the file holds it."""
    return gguf.dequantize(gguf.quants.quantize(values, kind), kind)


def merged(base, update, scale, kind):
    """{GGUF name: values} of every tensor that the update changes."""
    out = {}
    for name in sorted({k.rsplit(".", 1)[0] for k in update}):
        tensor = base[name]
        values = np.array(gguf.dequantize(tensor.data, tensor.tensor_type), np.float32)
        if name + ".lora_a" in update:
            a, b = (update[f"{name}.lora_{x}"].astype(np.float32) for x in "ab")
            for r in range(len(a)):
                values += (np.float64(scale) * b[:, r]).astype(np.float32)[:, None] * a[r]
        rows_alone = name + ".lora_a" not in update
        if name + ".rows" in update:
            rows = update[name + ".rows"].astype(np.float32)
            values[update[name + ".row_ids"]] = rounded(rows, tensor.tensor_type) if rows_alone else rows
        out[name] = values if rows_alone else rounded(values, kind)
    return out


def unpermuted(values, heads):
    """GGUF holds rotary pairs side by side, transformers in halves."""
    out, inner = values.shape
    return values.reshape(heads, out // heads // 2, 2, inner).swapaxes(1, 2).reshape(out, inner)


def hf_name(name):
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{HF[part]}.weight"


def language_model(models, update=None, merged_bits=8):
    """`models`: the model directory; `update`: models/nano/update.safetensors, or None for the public weights."""
    folder = os.path.join(models, FOLDER)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32).eval()
    if update is None:
        return model
    about, tensors = read_safetensors(update)
    base = {t.name: t for t in gguf.GGUFReader(os.path.join(folder, FILE)).tensors}
    heads = {"attn_q": model.config.num_attention_heads, "attn_k": model.config.num_key_value_heads}
    state = model.state_dict()
    changed = merged(base, tensors, float(about.get("scale", 1)), Q.Q8_0 if merged_bits == 8 else Q.Q4_1)

    def put(name, values, into):
        part = name.split(".")[2] if name.startswith("blk.") else ""
        turned = unpermuted(values, heads[part]) if part in heads else values
        into(state[hf_name(name)], torch.from_numpy(np.ascontiguousarray(turned)))

    def same(there, values):
        if not torch.equal(there, values):
            raise SystemExit("transformers lays the weights out otherwise than this script thinks")

    for name in changed:  # first the base itself, as a check of names and order
        put(name, np.array(gguf.dequantize(base[name].data, base[name].tensor_type), np.float32), same)
    with torch.no_grad():
        for name, values in changed.items():
            put(name, values, lambda there, v: there.copy_(v))
    model.tie_weights()
    return model
