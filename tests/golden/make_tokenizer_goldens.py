#!/usr/bin/env python3
"""Writes what Hugging Face `tokenizers` makes of more than 2,400 hostile strings: tokenizer_strings.jsonl and, line for line, the
ids of four vocabularies.

  tests/golden/make_tokenizer_goldens.py MODELS_DIR      (tokenizers 0.23.3, gguf-py, tiktoken 0.12)

  smollm2  vocabulary and merges from the GGUF file, pre-tokenizer of the original (Digits(individual), ByteLevel)
  whisper  whisper-base/tokenizer.json as it is
  qwen2    Qwen2's own 151,643 byte pairs (`parley models fetch qwen2-vocabulary`) under its normaliser (NFC) and pattern.
           What tokenizers makes of them is checked against tiktoken, which is what they were written for.
  shape    the same normaliser and pattern over a small vocabulary trained here, tokenizer_qwen2_shape.json, with added
           tokens of every kind that Qwen2 does not have.
A line of ids: base 36, as text; then, when it differs, "|" and the ids with special tokens parsed.
SPDX-License-Identifier: Apache-2.0
"""
import base64
import glob
import json
import os
import random
import sys
import unicodedata

import gguf
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
         r"\s+(?!\S)|\s+")
CODE = """for (int i = 0; i < n; ++i) { x[i] += 0x1F * y[i]; }  // sum
def f(x):\n\treturn x ** 2 if x else None
SELECT * FROM t WHERE a <> 'it''s' AND b >= 10.5;
<div class="a-b">&nbsp;&#8217;</div>
https://example.org/a?b=c&d=%20#e_f ~/.cache/x.y.z C:\\tmp\\new
{"k": [1, 2.5e-10, null], "\\u00e9": "\\n"}"""
PROSE = """It's what they'd've said; I'm sure we'll see, won't we? IT'S DON'T We'Re y'all'd 'tis 'S 'Ll 'D 'VE'M x'sy'tz
The quick brown fox jumped over 13 lazy dogs at 12:45 on 2024-02-30, didn't it? $48.75 3.14159 1,000,000 50% No.7
Fran\u00e7ois d\u00e9j\u00e0 vu na\u00efve co\u00f6perate \u00c5ngstr\u00f6m stra\u00dfe \u0130stanbul \u0131 \ufb01 \ufb05 \u017f'\u017f it'\u017f
\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u4f60\u597d\uff0c\u4e16\u754c\u3002 \u3053\u3093\u306b\u3061\u306f \uc548\ub155\ud558\uc138\uc694 \u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd \u0928\u092e\u0938\u094d\u0924\u0947 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u0ba4\u0bae\u0bbf\u0bb4\u0bcd"""
EMOJI = ["\U0001F600", "\U0001F468\u200d\U0001F469\u200d\U0001F467\u200d\U0001F466", "\U0001F3F3\ufe0f\u200d\U0001F308", "\U0001F1E9\U0001F1EA", "1\ufe0f\u20e3",
         "\U0001F44D\U0001F3FD", "\u2764\ufe0f", "\u00a9", "\U0001FAE0", "\U000E0001"]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n", " \n ", "\u00a0", "\u3000", "\u2003", "\u2028", "\u0085", "\x0b", "\x0c", "\u200b",
          "\u180e", "\ufeff", "\u202f", "\u1680", "\t \t", "      \n", "\n   x", "\x1c\x1f"]
SPECIAL = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|notimestamps|>", "<|im_end|", "<|im_|im_end|>",
           "<|im_start|>system\nHi<|im_end|>\n", "<think>", "</think>", "<repo_name>", "<jupyter_text>", " <|im_end|> ", "<|EOT|>", "<|BOT|>",
           "<audio_1>", "<audio_12>", "<audio_123>", "<tool_call>", "</tool_call>", "<audio_patch>", "<|im", "<mask>", " <mask> ", "\t\n<mask>\n\n",
           "<l> <r>", "  <l>  ", "  <r>  x", "<caf\u00e9>", "<cafe\u0301>", "<|IM_END|>", "<<|im_end|>>", "<|im_end|><|im_end|>"]
MARKS = ["e\u0301", "\u00e9", "a\u0323\u0302", "\u1ead", "\u212b", "\u0041\u030a", "\u1e9b\u0323", "\u0344", "\u0915\u093c", "\u1112\u1161\u11ab", "\ud55c", "\u2126", "\uf900",
         "\u0301", " \u0301x", "q\u0307\u0323", "\u0fb2\u0f80", "\U0001109b\U000110ba", "\ufb1d", "\u05d9\u05b4", "\u0958", "\u30ab\u3099", "n\u0303o", "\u2adc"]
NUMBERS = ["\u00b2", "\u00bd", "\u2167", "\u3007", "\u0663\u0664", "\u0967\u0968", "\uff11\uff12", "\U0001D7D9", "\u2460", "\u4e00", "\u1369", "0", "00", "007", "1e10", "9" * 20, "\u0bf0", "12th"]


def scripts(rng):
    """Characters of every assigned block, a few neighbours at a time."""
    while True:
        start = rng.choice([rng.randrange(0x80, 0x3000), rng.randrange(0x80, 0x10000), rng.randrange(0x10000, 0x20000)])
        found = [chr(c) for c in range(start, start + 40) if c < 0xD800 or c > 0xDFFF
                 if unicodedata.category(chr(c)) not in ("Cn", "Co", "Cs")]
        if len(found) >= 4:
            return "".join(rng.choice(found) for _ in range(rng.randrange(1, 7)))


def words(rng):
    return rng.choice((PROSE + " " + CODE).split(" "))


def hostile(rng):
    kind = rng.randrange(12)
    one = {0: lambda: words(rng), 1: lambda: rng.choice(EMOJI), 2: lambda: rng.choice(SPACES), 3: lambda: rng.choice(SPECIAL),
           4: lambda: rng.choice(MARKS), 5: lambda: rng.choice(NUMBERS), 6: lambda: scripts(rng),
           7: lambda: chr(rng.randrange(0, 0x20)) * rng.randrange(1, 3), 8: lambda: rng.choice("'\"!?.,;:-_()[]{}<>|/\\@#$%^&*+=~`\u2019\u2014\u2026\u00bf"),
           9: lambda: " " + words(rng), 10: lambda: rng.choice("aAbZ") * rng.randrange(1, 9), 11: lambda: chr(rng.randrange(0x20, 0x7f))}
    return one[kind]()


def strings():
    rng = random.Random(20241122)
    out = [""] + PROSE.split("\n") + CODE.split("\n") + EMOJI + SPACES + SPECIAL + MARKS + NUMBERS
    out += [a + b for a in ("a", "1", "!", "'", " ") for b in SPACES] + [b + a for a in ("a", "1", "!", "'s", "\u00e9") for b in SPACES]
    out += ["".join(chr(c) for c in range(b, b + 32)) for b in range(0, 0x180, 32)]
    out += ["a" * 300, "ab" * 150, " " * 70, "\n" * 40, "1" * 50, "!" * 60, "\u4f60" * 30, "\U0001F600" * 12, "Don't" * 20, "'" * 9, "e\u0301" * 20]
    while len(set(out)) < 2450:
        out.append("".join(hostile(rng) for _ in range(rng.randrange(1, 6)))[:60])
    # The NFC of tokenizers 0.23 has older tables than utf8proc: marks that came with Unicode 14 and later keep their order
    # there. Such strings are left out.
    nfc = normalizers.NFC()
    kept = [t for t in sorted(set(out), key=out.index) if nfc.normalize_str(t) == unicodedata.normalize("NFC", t)]
    print(f"{len(set(out)) - len(kept)} strings left out for their marks", file=sys.stderr)
    return kept


def smollm2(path, added):
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    if added:
        types = fields["tokenizer.ggml.token_type"].contents()
        tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t, k in zip(tokens, types) if k == 3])
    return tokenizer


def qwen2_shape(corpus):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(QWEN2), behavior="isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=1200, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in
                                  ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|EOT|>", "<|BOT|>", "<audio_start>", "<audio_end>",
                                   "<audio_patch>")])
    tokenizer.add_special_tokens([AddedToken("<mask>", special=True, normalized=False, lstrip=True, rstrip=True),
                                  AddedToken("<l>", special=True, normalized=False, lstrip=True),
                                  AddedToken("<r>", special=True, normalized=False, rstrip=True)])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=True) for t in
                          ("<audio_1>", "<audio_12>", "<|im", "<caf\u00e9>")])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in ("<tool_call>", "</tool_call>")])
    return tokenizer


def byte_alphabet():
    """GPT-2's letter for each byte."""
    kept = [*range(0x21, 0x7f), *range(0xa1, 0xad), *range(0xae, 0x100)]
    letters, fresh = {b: chr(b) for b in kept}, 256
    for b in range(256):
        if b not in letters:
            letters[b], fresh = chr(fresh), fresh + 1
    return letters


def halves(token, ranks):
    """The two tokens that `token` is the merge of: what byte-pair encoding with the ranks below its own leaves of it."""
    parts = [token[i:i + 1] for i in range(len(token))]
    while len(parts) > 2:
        best = min(range(len(parts) - 1), key=lambda i: ranks.get(parts[i] + parts[i + 1], 1 << 30))
        parts[best:best + 2] = [parts[best] + parts[best + 1]]
    return parts


def qwen2(path, texts):
    with open(path, "rb") as f:
        ranks = {base64.b64decode(word): int(rank) for word, rank in (line.split() for line in f)}
    letters = byte_alphabet()
    spell = lambda token: "".join(letters[b] for b in token)
    merges = [tuple(map(spell, halves(token, ranks))) for token in sorted(ranks, key=ranks.get) if len(token) > 1]
    tokenizer = Tokenizer(models.BPE({spell(t): r for t, r in ranks.items()}, merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(QWEN2), behavior="isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False)
                                  for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")])
    import tiktoken
    original = tiktoken.Encoding("qwen", pat_str=QWEN2, mergeable_ranks=ranks, special_tokens={})
    plain = without_added(tokenizer)
    for text in texts:
        theirs = original.encode(unicodedata.normalize("NFC", text), disallowed_special=())
        if plain.encode(text, add_special_tokens=False).ids != theirs:
            sys.exit(f"tiktoken does not agree about {text!r}")
    return tokenizer


def without_added(tokenizer):
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = []
    data["post_processor"] = None
    return Tokenizer.from_str(json.dumps(data))


def base36(ids):
    def one(n):
        digits = ""
        while True:
            n, d = divmod(n, 36)
            digits = "0123456789abcdefghijklmnopqrstuvwxyz"[d] + digits
            if n == 0:
                return digits
    return " ".join(one(i) for i in ids)


def write(name, lines):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as f:
        f.writelines(line + "\n" for line in lines)


def class_ranges():
    """Runs of characters of each class as the patterns see them: Oniguruma's \\p{L}, \\p{N}, \\s."""
    everything = "".join(chr(c) for c in range(1, 0x110000) if not 0xD800 <= c <= 0xDFFF)
    for letter, pattern in (("L", r"\p{L}+"), ("N", r"\p{N}+"), ("S", r"\s+")):
        split = pre_tokenizers.Split(Regex(pattern), behavior="removed")
        end = 0
        runs = []
        for _, (begin, stop) in split.pre_tokenize_str(everything):
            if begin > end:
                runs.append((ord(everything[end]), ord(everything[begin - 1])))
            end = stop
        if end < len(everything):
            runs.append((ord(everything[end]), 0x10FFFF))
        yield letter + " " + " ".join(f"{a:x}" if a == b else f"{a:x}-{b:x}" for a, b in runs)


def main():
    models_dir = sys.argv[1]
    texts = strings()
    write("tokenizer_strings.jsonl", [json.dumps(t, ensure_ascii=False) for t in texts])
    gguf_path = glob.glob(models_dir + "/smollm2-135m-instruct/*.gguf")[0]
    whisper = Tokenizer.from_file(models_dir + "/whisper-base/tokenizer.json")
    shape = qwen2_shape([PROSE, CODE] * 3 + texts)
    real = qwen2(models_dir + "/qwen2-vocabulary/qwen.tiktoken", texts)
    with open(os.path.join(HERE, "tokenizer_qwen2_shape.json"), "w", encoding="utf-8") as f:
        json.dump(json.loads(shape.to_str()), f, ensure_ascii=False, separators=(",", ":"))
    decoded = []
    rng = random.Random(7)
    for name, plain, parsing in (("smollm2", smollm2(gguf_path, False), smollm2(gguf_path, True)),
                                 ("whisper", without_added(whisper), whisper), ("shape", without_added(shape), shape),
                                 ("qwen2", without_added(real), real)):
        lines = []
        for text in texts:
            as_text = plain.encode(text, add_special_tokens=False).ids
            parsed = parsing.encode(text, add_special_tokens=False).ids
            lines.append(base36(as_text) + ("" if parsed == as_text else "|" + base36(parsed)))
        write(f"tokenizer_{name}.txt", lines)
        size = parsing.get_vocab_size()
        for _ in range(100):  # most of these are no UTF-8
            ids = [rng.randrange(min(size, rng.choice([300, size]))) for _ in range(rng.randrange(1, 9))]
            decoded.append(json.dumps([name, ids, parsing.decode(ids, skip_special_tokens=True)], ensure_ascii=False, separators=(",", ":")))
    write("tokenizer_decoded.jsonl", decoded)
    write("tokenizer_classes.txt", class_ranges())


main()
