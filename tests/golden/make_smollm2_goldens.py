#!/usr/bin/env python3
"""What SmolLM2-135M says when transformers runs the dequantised weights of our GGUF in f32: the ids a correct decoder
must give.

  smollm2.greedy.safetensors  `prompt.N` and `greedy.N`: greedy continuations of five prompts; `gap.N`: the smallest
                              top-2 distance on the way, so that a near tie is seen as such.
  smollm2.top1.safetensors    `ids` [10, 2000]: windows of English questions and instructions (BIG-Bench-Hard, MIT);
                              `top1` [10, 2000]: the arg max at each position.

    python3 tests/golden/make_smollm2_goldens.py MODELS_DIR TEXT_DIR

SPDX-License-Identifier: Apache-2.0
"""

import glob
import json
import os
import sys

import torch
import transformers
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
PROMPTS = [
    "<|im_start|>system\nAnswer in one short sentence.<|im_end|>\n<|im_start|>user\nWhat is the capital of France?"
    "<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>system\nAnswer in one short sentence.<|im_end|>\n<|im_start|>user\nHow many days are in a week?"
    "<|im_end|>\n<|im_start|>assistant\n",
    "Once upon a time, in a small village by the sea,",
    "def fibonacci(n):\n",
    "The three primary colours are",
]


def main(models, texts):
    folder = os.path.join(models, "smollm2-135m-instruct")
    file = "SmolLM2-135M-Instruct.Q4_1.gguf"
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=file)
    about = {"transformers": transformers.__version__, "torch": torch.__version__, "model": file,
             "rope_theta": str(model.config.rope_parameters.get("rope_theta")),
             "command": "python tests/golden/make_smollm2_goldens.py MODELS_DIR TEXT_DIR"}
    print(about, model.config)

    out = {}
    for n, prompt in enumerate(PROMPTS):
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
        said, gap, past, step = [], 1e9, None, ids
        with torch.no_grad():
            for _ in range(32):
                r = model(step, past_key_values=past, use_cache=True)
                past = r.past_key_values
                top = r.logits[0, -1].topk(2)
                gap = min(gap, (top.values[0] - top.values[1]).item())
                said.append(top.indices[0].item())
                step = top.indices[:1][None]
        print(repr(tokenizer.decode(said)), "smallest gap", gap)
        out[f"prompt.{n}"] = ids.float()
        out[f"greedy.{n}"] = torch.tensor([said]).float()
        out[f"gap.{n}"] = torch.tensor([[gap]])
    save_file(out, os.path.join(HERE, "smollm2.greedy.safetensors"), metadata=about)

    text = []
    for name in sorted(glob.glob(os.path.join(texts, "bbh_*.json"))):
        with open(name) as f:
            data = json.load(f)
        for item in data["examples"] if isinstance(data, dict) else data:
            text.append(item.get("input") or item.get("question") or item.get("text"))
    rng = torch.Generator().manual_seed(1)
    order = torch.randperm(len(text), generator=rng).tolist()
    ids = tokenizer("\n\n".join(text[i] for i in order), return_tensors="pt", add_special_tokens=False).input_ids[0]
    assert len(ids) >= 20000, len(ids)
    windows = ids[:20000].reshape(10, 2000)
    top1 = []
    with torch.no_grad():
        for w in windows:
            top1.append(model(w[None]).logits[0].argmax(-1))
    save_file({"ids": windows.float().contiguous(), "top1": torch.stack(top1).float()},
              os.path.join(HERE, "smollm2.top1.safetensors"), metadata=about)
    right = (torch.stack(top1)[:, :-1] == windows[:, 1:]).float().mean().item()
    print("next token right:", right)


main(*sys.argv[1:3])
