#!/usr/bin/env python3
"""Folders as transformers writes them, decoded greedily by transformers in f32 and by us: token for token. One line of JSON a case.

  tests/gpu/greedy.py --program build-gpu/tests/gpu/cuda_greedy --work DIR --devices cpu 0 0,1

A Qwen2 of the widths of Qwen2-0.5B, 24 layers, in several shards with an index, and a Llama of SmolLM2-135M's, its head tied; random
weights (talks.py).
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys

import torch
import transformers

from talks import draw_weights, make_qwen, speak_letters

COUNT = 48


def make_llama(folder):
    if (folder / "config.json").exists():
        return
    torch.manual_seed(5)
    config = transformers.LlamaConfig(
        vocab_size=512, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
        num_key_value_heads=3, max_position_embeddings=2048, rope_theta=1e5, tie_word_embeddings=True)
    model = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        draw_weights(model)
        model.model.embed_tokens.weight.copy_(4 * speak_letters(model.model.embed_tokens.weight, torch))
    model.to(torch.bfloat16).save_pretrained(folder)


def expected(folder, prompt, device):
    """Ids, and by how much the likeliest was ahead of the next, in standard deviations of the logits."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(device).eval()
    ids, ahead = list(prompt), []
    with torch.no_grad():
        for _ in range(COUNT):
            logits = model(torch.tensor([ids], device=device)).logits[0, -1]
            best = logits.topk(2)
            ahead.append(float((best.values[0] - best.values[1]) / logits.std()))
            ids.append(int(best.indices[0]))
    return ids[len(prompt):], ahead


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--devices", nargs="+", default=["cpu"])
    options = parser.parse_args()
    random.seed(1)
    prompt = [random.choice(b" aeioulmnrst") for _ in range(90)]
    failed = False
    for name, make in (("qwen2", make_qwen), ("llama", make_llama)):
        folder = options.work / name
        make(folder)
        ids, ahead = expected(folder, prompt, "cuda" if torch.cuda.is_available() else "cpu")
        for devices in options.devices:
            for storage in ("bf16", "fp8") if devices != "cpu" else ("bf16",):
                if devices == "0,1" and name == "llama":
                    continue  # nine heads
                run = subprocess.run([options.program, folder, devices, storage, str(COUNT), *map(str, prompt)],
                                     capture_output=True, text=True, timeout=100, check=False)
                ours = [int(line) for line in run.stdout.split()]
                same = next((i for i, (a, b) in enumerate(zip(ids, ours)) if a != b), min(len(ids), len(ours)))
                line = {"case": name, "devices": devices, "weights": storage, "equal": same, "of": COUNT}
                if same < COUNT:
                    line["ahead there"] = round(ahead[same], 4) if same < len(ours) else run.stderr[-300:]
                    failed = failed or storage == "bf16"
                print(json.dumps({**line, "different": len(set(ids))}), flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
