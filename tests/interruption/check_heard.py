#!/usr/bin/env python3
"""Works out what was heard of interrupted answers, from the voice's word times and from what was sent when; compares it
with what parley claims in its events, in its trace, in its history and in its cache.

  check_heard.py CLAIMS.jsonl      first line {"rate"}, then {"clause", "samples", "lead", "words": [[first_sample, begin,
                                   end]]} of every clause the voice spoke, then one line an interruption

Sound plays as it comes, one piece behind the other. A client that reports what it has played is believed, up to what
was sent. A word has been heard when more than half of it was played; it lasts until the next one of its clause begins,
or its clause ends. Of the first clause, `lead` samples of silence are not sent. Where the place is within two samples of
the middle of a word, either answer is right.
SPDX-License-Identifier: Apache-2.0
"""
import json
import re
import sys
from fractions import Fraction
from statistics import median

NOTE = " \u2014"  # conversation.interruption_note


def played(claim, rate):
    """Samples of the answer that the user has heard."""
    sent, drained = 0, Fraction(0)  # drained: when everything so far will have been played, in seconds
    for at_us, samples in claim["sends"]:
        drained = max(drained, Fraction(at_us, 10**6)) + Fraction(samples, rate)
        sent += samples
    if claim["reported"] >= 0:
        return Fraction(min(claim["reported"], sent))
    left = max(Fraction(0), drained - Fraction(claim["at_us"], 10**6))
    return max(Fraction(0), sent - left * rate)


def clauses_of(answer, clauses):
    """The clauses of an answer in order, found by their text: (begin in bytes, clause)."""
    data, at, found = answer.encode(), 0, []
    while data[at:].strip():
        while data[at:at + 1].isspace():
            at += 1
        fit = [c for c in clauses if data.startswith(c["clause"].encode(), at)]
        assert fit, f"no clause of the voice begins at {data[at:at + 40]!r}"
        clause = max(fit, key=lambda c: len(c["clause"]))
        found.append((at, clause))
        at += len(clause["clause"].encode())
    return found


def cut(answer, clauses, sample):
    """Bytes of the answer that were heard when `sample` samples were played."""
    heard, first = 0, 0
    for index, (begin, clause) in enumerate(clauses_of(answer, clauses)):
        lead = clause["lead"] if index == 0 else 0
        words = [(max(0, at - lead), word_begin, end) for at, word_begin, end in clause["words"]]
        samples = clause["samples"] - lead
        for i, (word_first, _, word_end) in enumerate(words):
            lasts = words[i + 1][0] if i + 1 < len(words) else samples
            if sample - first - word_first > Fraction(lasts - word_first, 2):
                heard = max(heard, begin + word_end)
        first += samples
        if sample >= first:
            heard = max(heard, begin + len(clause["clause"].encode()))
    return heard


def words_of(text):
    return re.findall(r"[a-z0-9']+", text.lower())


def words_heard(transcript, answer):
    """How many words of the answer the transcript reaches: the beginning of the answer that it is nearest to."""
    said, full = words_of(transcript), words_of(answer)
    row = list(range(len(said) + 1))  # row[j]: from the first k words of the answer to the first j that were said
    best, reach = row[-1], 0
    for k, word in enumerate(full, 1):
        row, before = [k], row
        for j, other in enumerate(said, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (word != other)))
        if row[-1] < best or (row[-1] == best and abs(k - len(said)) < abs(reach - len(said))):
            best, reach = row[-1], k
    return reach


def main():
    lines = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
    rate = lines[0]["rate"]
    clauses = [line for line in lines if "clause" in line]
    claims = [line for line in lines if "at_us" in line]
    wrong, edges, ears = 0, 0, []
    for number, claim in enumerate(claims):
        answer = claim["answer"].encode()
        place = played(claim, rate)
        right = {cut(claim["answer"], clauses, place + d) for d in (-2, 0, 2)}
        edges += len(right) > 1
        heard = claim["heard"].encode()
        note = NOTE if 0 < len(heard) < len(answer) else ""
        faults = []
        if len(heard) not in right or not answer.startswith(heard):
            faults.append(f"the event says {claim['heard']!r}, expected {answer[:min(right)].decode()!r}")
        if claim["done"] != claim["heard"] or claim["kept"] != claim["heard"]:
            faults.append(f"the trace says {claim['done']!r}, the history {claim['kept']!r}")
        if not claim["held"].endswith("assistant\n" + claim["heard"] + note + "\n"):
            faults.append(f"the cache ends with {claim['held'][-80:]!r}")
        if faults:
            wrong += 1
            print(f"interruption {number} at sample {float(place):.1f}: " + "; ".join(faults))
        if "transcript" in claim:
            error = words_heard(claim["transcript"], claim["answer"]) - len(words_of(claim["heard"]))
            ears.append(error)
            if abs(error) > 1:
                print(f"by ear {error:+d} words: heard {claim['transcript']!r}, claimed {claim['heard']!r}")
    reporting = sum(claim["reported"] >= 0 for claim in claims)
    print(f"{len(claims) - wrong} of {len(claims)} interruptions are cut where the voice was "
          f"({reporting} of them by a client's reports; {edges} within two samples of the middle of a word)")
    if not claims:
        sys.exit("no interruptions: nothing was checked")
    ear_failed = False
    if ears:
        within = sum(abs(e) <= 1 for e in ears)
        print(f"by ear, {len(ears)} recordings: {within} within one word of what is claimed, median error "
              f"{median(ears):+g} words")
        ear_failed = within < 0.9 * len(ears) or median(ears) != 0
    sys.exit(1 if wrong or ear_failed else 0)


if __name__ == "__main__":
    main()
