#!/usr/bin/env python3
"""Writes chat_smollm2.json: talks, rendered by the Jinja template in the GGUF file and encoded by Hugging Face tokenizers.

  tests/golden/make_chat_goldens.py MODELS_DIR      (jinja2, tokenizers, gguf-py)
SPDX-License-Identifier: Apache-2.0
"""
import glob
import json
import os
import sys

import gguf
import jinja2
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

TALKS = [
    [("user", "What is the capital of France?")],
    [("system", "You answer in one short sentence."), ("user", "Hi there")],
    [("system", "Be brief."), ("user", "What's 12 + 30?"), ("assistant", "42."), ("user", "And 7 more?")],
    [("system", ""), ("user", "caf\u00e9 \U0001F600 1,000")],
    [("system", " padded "), ("user", "\n\nlines first"), ("assistant", "  spaces\n"), ("user", " a ")],
]
fields = gguf.GGUFReader(glob.glob(sys.argv[1] + "/smollm2-135m-instruct/*.gguf")[0]).fields
tokens = fields["tokenizer.ggml.tokens"].contents()
merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
kinds = fields["tokenizer.ggml.token_type"].contents()
tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t, k in zip(tokens, kinds) if k == 3])
# The options of transformers' apply_chat_template.
template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(fields["tokenizer.chat_template"].contents())
out = []
for talk in TALKS:
    messages = [{"role": r, "content": c} for r, c in talk]
    text = template.render(messages=messages, add_generation_prompt=True)
    out.append({"talk": talk, "ids": tokenizer.encode(text, add_special_tokens=False).ids})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "chat_smollm2.json"), "w", encoding="utf-8") as f:
    f.write("[" + ",\n ".join(json.dumps(t) for t in out) + "]\n")
