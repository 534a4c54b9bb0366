#!/usr/bin/env python3
"""What transformers answers, greedily and in f32 on the weights that merged_weights.py describes, to the prompts that
the talks of tests/data/speech/conversation put into the cache:

  NAME.answers.safetensors  `prompt.N`, and `answer.N`: up to 96 ids, the end of the answer included when it comes.

    for c in tests/data/speech/conversation/*.flac; do
      parley ask $c --model NAME --pace fast --json traces/$(basename $c .flac).jsonl
    done
    python3 tests/golden/make_answer_goldens.py smollm2|nano MODELS_DIR traces/*.jsonl

smollm2: --model smollm2-135m-instruct. nano: the default, five clips in a file with 14 s of silence behind each, so that
most prompts hold notes and a history.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import sys

import torch
import transformers
from safetensors.torch import save_file

import merged_weights

HERE = os.path.dirname(os.path.abspath(__file__))
MOST = 96
NANO = os.path.join(HERE, "..", "..", "models", "nano")


def ends_of(name):
    """Ids that end an answer: of nano also its marks, but for those that it may write (realtime/mind/thought_form.cc)."""
    if name == "smollm2":
        return {2}
    with open(os.path.join(NANO, "style.json")) as f:
        marks = json.load(f)["marks"]
    return {2} | {i for mark, i in marks.items() if mark not in ("answer", "tool_call")}


def main(name, models, traces):
    update = os.path.join(NANO, "update.safetensors") if name == "nano" else None
    model = merged_weights.language_model(models, update)
    ends = ends_of(name)
    out, n = {}, 0
    for trace in sorted(traces):
        with open(trace) as lines:
            turns = json.loads(lines.readlines()[-1])["turns"]
        for turn in turns:
            if not turn["answer_ids"]:
                continue
            ids, said, past, gap = torch.tensor([turn["prompt_ids"]]), [], None, 1e9
            with torch.no_grad():
                while len(said) < MOST and not ends & set(said[-1:]):
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
    save_file(out, os.path.join(HERE, name + ".answers.safetensors"), metadata={
        "transformers": transformers.__version__, "torch": torch.__version__, "model": merged_weights.FILE,
        "command": f"python tests/golden/make_answer_goldens.py {name} MODELS_DIR TRACE.jsonl..."})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
