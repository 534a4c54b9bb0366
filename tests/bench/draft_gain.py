#!/usr/bin/env python3
"""What engine.draft_tokens is worth on nano's recorded thoughts: how many steps of decoding its guesses would have saved, by
the rule of src/engine/drafting.cc, and what that is in time when a guessed row costs what configs/cost.yaml says.

    python3 tests/bench/draft_gain.py

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE, LONGEST_RUN = 16, 8


def look_up(ids, most):
    best, source = 1, 0
    for end in range(len(ids) - 1, 1, -1):
        run = 0
        while run < min(LONGEST_RUN, end) and ids[end - 1 - run] == ids[len(ids) - 1 - run]:
            run += 1
        if run > best:
            best, source = run, end
        if run == LONGEST_RUN:
            break
    return ids[source:source + most] if source else []


def written_spans(written):
    spans, begin = [], None
    for i, own in enumerate(written + [0]):
        if own and begin is None:
            begin = i
        if not own and begin is not None:
            spans.append((begin, i))
            begin = None
    return spans


def main():
    with open(os.path.join(HERE, "../golden/nano_talks.json"), encoding="utf-8") as f:
        talks = json.load(f)
    with open(os.path.join(HERE, "../../configs/cost.yaml"), encoding="utf-8") as f:
        cost = {k: int(v) for k, v in re.findall(r"(\w+_us): (\d+)", f.read())}
    row = cost["decode_row_us"] + cost["logit_row_us"]
    step = cost["step_us"] + row
    print("guesses  steps of  tokens  guessed  stood  tokens a second, of those without")
    for most in (1, 2, 4, 8, 15):
        steps = tokens = guessed = stood = 0
        for talk in talks:
            ids = talk["ids"]
            for begin, end in written_spans(talk["written"]):
                at = begin
                while at < end:
                    guess = look_up(ids[:at], min(most, PAGE - 1 - (at - 1) % PAGE, end - at - 1))
                    right = 0
                    while right < len(guess) and ids[at + right] == guess[right]:
                        right += 1
                    steps, guessed, stood, at = steps + 1, guessed + len(guess), stood + right, at + right + 1
                tokens += end - begin
        gain = tokens * step / (steps * step + guessed * row)
        print(f"{most:7d} {steps:9d} {tokens:7d} {guessed:8d} {stood / max(guessed, 1):6.0%}  {gain:.3f}")


if __name__ == "__main__":
    main()
