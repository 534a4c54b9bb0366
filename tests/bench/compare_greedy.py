#!/usr/bin/env python3
"""Are the answers of `parley ask` the model's own? For every turn in the traces: the prompt ids that the cache held go
through transformers in f32, greedily, and the ids are compared with those that were said. The weights are those of the
default model, nano merged as the program merges it, or with --base those of the public file, dequantised.

    python3 tests/bench/compare_greedy.py [--base] MODELS_DIR TRACE.jsonl...

Prints each clip's first difference and the distance of the two likeliest tokens there: a near tie is seen as such.
Needs torch, transformers, gguf and accelerate. SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import sys

import torch

TREE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TREE, "tests", "golden"))
import merged_weights  # noqa: E402


def main(models, traces, base):
    model = merged_weights.language_model(models, None if base else os.path.join(TREE, "models/nano/update.safetensors"))
    equal = turns = 0
    for trace in traces:
        with open(trace) as lines:
            summary = json.loads(lines.readlines()[-1])
        for turn in summary["turns"]:
            prompt, said = turn["prompt_ids"], turn["answer_ids"]
            if not said or not prompt:
                continue
            turns += 1
            with torch.no_grad():
                logits = model(torch.tensor([prompt + said])).logits[0, len(prompt) - 1:-1]
            top = logits.topk(2, dim=-1)
            wrong = [i for i, token in enumerate(said) if top.indices[i, 0].item() != token]
            equal += not wrong
            where = "equal" if not wrong else "differs at %d of %d, top two %.3f apart" % (
                wrong[0], len(said), (top.values[wrong[0], 0] - top.values[wrong[0], 1]).item())
            print(f"{os.path.basename(trace):24} {where}", flush=True)
    print(f"{equal} of {turns} turns are equal to the last id")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--base"]
    main(words[0], words[1:], "--base" in sys.argv)
