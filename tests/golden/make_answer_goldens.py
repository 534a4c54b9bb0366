#!/usr/bin/env python3
"""What transformers answers, greedily and in f32 on the dequantised weights of our GGUF, to the prompts that the talks
of tests/data/speech/conversation put into the cache:

  smollm2.answers.safetensors  `prompt.N`, and `answer.N`: up to 96 ids, the end of the turn included when it comes.

    for c in tests/data/speech/conversation/*.flac; do
      parley ask $c --pace fast --json traces/$(basename $c .flac).jsonl
    done
    python3 tests/golden/make_answer_goldens.py MODELS_DIR traces/*.jsonl

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import sys

import torch
import transformers
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
MOST = 96
END_OF_TURN = 2


def main(models, traces):
    folder = os.path.join(models, "smollm2-135m-instruct")
    file = "SmolLM2-135M-Instruct.Q4_1.gguf"
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
    out, n = {}, 0
    for trace in sorted(traces):
        with open(trace) as lines:
            turns = json.loads(lines.readlines()[-1])["turns"]
        for turn in turns:
            if not turn["answer_ids"]:
                continue
            ids, said, past, gap = torch.tensor([turn["prompt_ids"]]), [], None, 1e9
            with torch.no_grad():
                while len(said) < MOST and END_OF_TURN not in said:
                    r = model(ids, past_key_values=past, use_cache=True)
                    past = r.past_key_values
                    top = r.logits[0, -1].topk(2)
                    gap = min(gap, (top.values[0] - top.values[1]).item())
                    said.append(top.indices[0].item())
                    ids = top.indices[:1][None]
            out[f"prompt.{n}"] = torch.tensor([turn["prompt_ids"]]).float()
            out[f"answer.{n}"] = torch.tensor([said]).float()
            print(n, os.path.basename(trace), len(said), "ids, nearest tie", round(gap, 4), flush=True)
            n += 1
    save_file(out, os.path.join(HERE, "smollm2.answers.safetensors"), metadata={
        "transformers": transformers.__version__, "torch": torch.__version__, "model": file,
        "command": "python tests/golden/make_answer_goldens.py MODELS_DIR TRACE.jsonl..."})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
