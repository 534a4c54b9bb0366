#!/usr/bin/env python3
"""Are the answers of `parley ask` the model's own? For every turn in the traces: the prompt ids that the cache held go
through transformers on the dequantised weights in f32, greedily, and the ids are compared with those that were said.

    python3 tests/bench/compare_greedy.py MODELS_DIR TRACE.jsonl...

Prints each clip's first difference and the distance of the two likeliest tokens there: a near tie is seen as such.
Needs torch, transformers, gguf and accelerate. SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import sys

import torch
import transformers


def main(models, traces):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        os.path.join(models, "smollm2-135m-instruct"), gguf_file="SmolLM2-135M-Instruct.Q4_1.gguf",
        dtype=torch.float32).eval()
    equal = turns = 0
    for trace in traces:
        with open(trace) as lines:
            summary = json.loads(lines.readlines()[-1])
        for turn in summary["turns"]:
            prompt, said = turn["prompt_ids"], turn["answer_ids"]
            if not said:
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
    main(sys.argv[1], sys.argv[2:])
