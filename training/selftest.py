"""The learning loops at a tiny size on a CPU, in seconds: what a GPU session will only have to start.

  python training/selftest.py

A decoder of two layers with random weights stands in for SmolLM2; Whisper's encoder is the real one. Holds: rows of different length
side by side get the logits and the greedy tokens of one row alone; an item is its seed, whatever the process; rewards are paid as
promised, teach what they pay for, and a run that was cut short goes on as if it had not been; both stages of the adaptor learn; the mean of two updates is
as near as its rank allows; what a channel carries is measured where a talk is, not where its row is filled up.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest
import wave
from random import Random

import numpy as np
import torch
import torch.nn.functional as F

import smollm2

smollm2.LAYERS, smollm2.WIDTH, smollm2.HEADS, smollm2.KV_HEADS, smollm2.FFN = 2, 96, 3, 1, 128
smollm2.MATRICES.update({"attn_q": (192, 96), "attn_k": (64, 96), "attn_v": (64, 96), "attn_output": (96, 192), "ffn_gate": (128, 96), "ffn_up": (128, 96), "ffn_down": (96, 128)})

import adaptor  # noqa: E402
import rl  # noqa: E402
from evaluate import Row, run  # noqa: E402
from format import IM_END, MARKS, Block, Talk  # noqa: E402
from generate import make, to_talk  # noqa: E402
from importance import batches, mean_squares, talks_of  # noqa: E402
from mean import mean  # noqa: E402
from smollm2 import LowRank, Stepper, hidden, save_update  # noqa: E402


def tiny(seed: int = 1) -> dict[str, torch.Tensor]:
    gen = torch.Generator().manual_seed(seed)
    base = {n: torch.randn(smollm2.LAYERS, *shape, generator=gen) * 0.1 for n, shape in smollm2.MATRICES.items()}
    base |= {n: torch.ones(smollm2.LAYERS, smollm2.WIDTH) for n in smollm2.NORMS}
    return base | {"output_norm": torch.ones(smollm2.WIDTH), "token_embd": torch.randn(smollm2.VOCAB, smollm2.WIDTH, generator=gen)}


def low_rank(base, seed: int = 1) -> LowRank:
    return LowRank(4, sorted(MARKS.values()), base, seed)


class SideBySide(unittest.TestCase):
    def test_a_step_of_several_tokens_is_what_the_whole_sequence_gives(self):
        w, rng = tiny(), Random(3)
        rows = [[rng.randrange(1000) for _ in range(n)] for n in (5, 17, 30)]
        stepper, at, last = Stepper(w, 3, 40), [0, 0, 0], [None] * 3
        while any(a < len(r) for a, r in zip(at, rows)):
            counts = [min(len(r) - a, rng.randint(1, 4)) for a, r in zip(at, rows)]
            part = [r[a:a + c] + [7] * (4 - c) for a, c, r in zip(at, counts, rows)]
            before = stepper.at.clone()
            logits = stepper.step(torch.tensor(part), torch.tensor([max(1, c) for c in counts]))
            for n, c in enumerate(counts):
                at[n] += c
                if c:
                    last[n] = logits[n]
                else:  # nothing was left of this row: it stands where it stood
                    stepper.at[n] = before[n]
        for row, logits in zip(rows, last):
            whole = F.linear(hidden(w, torch.tensor([row]))[0, -1], w["token_embd"])
            torch.testing.assert_close(logits, whole, atol=2e-4, rtol=2e-4)

    def test_rows_write_the_same_one_at_a_time_and_many_together(self):
        w, talks = tiny(), []
        for seed in range(6):
            rng = Random(seed)
            talks.append(to_talk(make(rng, "counting"), rng, "listen"))
        said, used_again = [], Stepper(tiny(seed=2), 4, 310, 5)
        for batch, together in ((1, 1), (6, 8), (4, 5)):
            rows = [Row(t, ("own", "counting", "listen"), lambda r: False) for t in talks]
            for r in rows:  # a random model ends nothing by itself
                r.plan = [[*p[:2], 6, p[3]] if p[0] == "free" else p for p in r.plan]
            run(w, rows, batch=batch, together=together, longest=300, stepper=used_again if batch == 4 else None)
            said.append([r.out for r in rows])
        self.assertEqual(said[0], said[1])
        self.assertEqual(said[0], said[2])


    def test_a_stepper_that_is_used_again_leaves_the_weights_it_had_alone(self):
        first, second, tokens = tiny(), tiny(seed=2), torch.tensor([[5, 6, 7]])
        kept, stepper = {k: v.clone() for k, v in first.items()}, Stepper(first, 1, 16, 4)
        for w in (first, second, first):
            stepper.begin(w)
            whole = F.linear(hidden(w, tokens)[:, -1], w["token_embd"])
            torch.testing.assert_close(stepper.step(tokens, torch.tensor([3])), whole, atol=2e-4, rtol=2e-4)
        for name, value in kept.items():
            self.assertTrue(torch.equal(first[name], value), name)


class Mean(unittest.TestCase):
    @staticmethod
    def update(seed: int, rank: int, of: int) -> dict[str, np.ndarray]:
        """One matrix; of its `of` columns of a rank only the first `rank` are more than zero."""
        rng = np.random.default_rng(seed)
        a, b = rng.standard_normal((of, 20)).astype(np.float16), rng.standard_normal((30, of)).astype(np.float16)
        b[:, rank:] = 0
        return {"m.lora_a": a, "m.lora_b": b, "rows": rng.standard_normal((2, 20)).astype(np.float16), "row_ids": np.array([3, 4], np.int32),
                "m.importance": np.ones(20, np.float16)}

    def test_it_is_exact_where_the_rank_allows_it_and_the_nearest_of_that_rank_otherwise(self):
        def product(u):
            return u["m.lora_b"].astype(np.float64) @ u["m.lora_a"]

        for rank, exact in ((2, True), (4, False)):
            first, second = self.update(1, rank, 4), self.update(2, rank, 4)
            wanted = (product(first) + product(second)) / 2
            out, left = mean(first, second)
            values = np.linalg.svd(wanted, compute_uv=False)
            nearest = np.linalg.norm(values[4:]) / np.linalg.norm(values)
            self.assertEqual(nearest < 1e-6, exact)
            self.assertAlmostEqual(left, nearest, places=4)
            self.assertAlmostEqual(np.linalg.norm(product(out) - wanted) / np.linalg.norm(values), nearest, places=3)
            np.testing.assert_allclose(out["rows"], (first["rows"].astype(np.float32) + second["rows"]) / 2, atol=1e-3)
            np.testing.assert_array_equal(out["row_ids"], [3, 4])
            self.assertNotIn("m.importance", out)


class Importance(unittest.TestCase):
    def test_it_is_the_mean_square_of_what_a_matrix_reads_in_every_talk(self):
        w, talks = tiny(), talks_of(5, seed=1)
        self.assertGreater(len(talks[-1]), len(talks[0]))
        read = []

        def kept(h, cos, sin, attn_norm, *rest):
            read.append((smollm2.rms_norm(h, attn_norm), smollm2.layer(h, cos, sin, attn_norm, *rest)))
            return read[-1][1]

        for talk in talks:
            hidden(w, torch.tensor([talk]), kept)
        squares = mean_squares(w, talks)
        self.assertEqual({n: tuple(v.shape) for n, v in squares.items()}, {n: (2, i) for n, (o, i) in smollm2.MATRICES.items()})
        for i in range(2):
            x = torch.cat([normed[0] for normed, _ in read[i::2]])
            torch.testing.assert_close(squares["attn_k"][i].float(), x.square().mean(0), rtol=1e-4, atol=1e-6)
        self.assertEqual(sum(int(real.sum()) for _, real in batches(talks)), sum(map(len, talks)))


class OneToken:
    """A talk after whose words the model is to write one token, and is paid for it."""

    @staticmethod
    def rows(token: int, times: int) -> list[Row]:
        talk = Talk("none", [], Block(["say", "it"]), "")
        rows = [Row(talk, ("own", "one", "none"), lambda r: r.pieces["answer"][:1] == [token]) for _ in range(times)]
        for r in rows:
            r.plan[-1][2] = 1
        return rows


class Rewards(unittest.TestCase):
    def test_an_item_is_its_seed_in_every_process(self):
        code = "import sys; sys.path.insert(0, sys.argv[1])\nimport hashlib, rl\nfrom format import render\n" \
               "print(hashlib.sha1(repr([render(rl.talk_of(s, [])[1]) for s in range(200)]).encode()).hexdigest())"
        here = os.path.dirname(os.path.abspath(__file__))
        digests = {subprocess.run([sys.executable, "-c", code, here], env={**os.environ, "PYTHONHASHSEED": s}, capture_output=True, text=True, check=True).stdout for s in ("1", "2")}
        self.assertEqual(len(digests), 1)

    def test_eight_tenths_are_for_the_answer_and_two_for_the_form(self):
        class Said(Row):
            def __init__(self, right, formed):
                self.right, self.formed = lambda r: right, formed

        form, rl.well_formed = rl.well_formed, lambda r: r.formed
        try:
            group = [Said(True, True), Said(True, False), Said(False, True), Said(False, False)]
            use, gain = rl.advantages([group, [Said(True, True)] * 3], 0.8, 0.2)
            self.assertEqual(len(use), 4)  # what always works teaches nothing
            np.testing.assert_allclose(np.array(gain) * (np.std([1, 0.8, 0.2, 0]) + 0.1), [0.5, 0.3, -0.3, -0.5], atol=1e-9)
            _, alone = rl.advantages([group], 1.0, 0.0)
            self.assertEqual(alone[0], alone[1])  # the ablation does not see the form
        finally:
            rl.well_formed = form

    def test_what_is_paid_for_becomes_likelier(self):
        base = tiny()
        model = low_rank(base)
        prompt = torch.tensor([OneToken.rows(0, 1)[0].plan[0][1] + [MARKS["answer"]]])

        def chance():
            w = model.merged(base, None, torch.float32)
            return F.linear(hidden(w, prompt)[0, -1], w["token_embd"]).log_softmax(-1)

        target = int(chance().argmax())
        worse = int(chance().topk(3).indices[2])
        optim = torch.optim.AdamW([{"params": list(model.b.parameters()), "lr": 3e-3}, {"params": list(model.a.parameters()), "lr": 1e-3}], weight_decay=0.0)
        before = float((chance()[worse] - chance()[target]).detach())
        for _ in range(8):
            rows = OneToken.rows(worse, 8)
            for n, r in enumerate(rows):  # half of them say what is paid for, half what it likes best
                r.out = [*prompt[0].tolist(), worse if n % 2 else target]
                r.written = [0] * prompt.shape[1] + [1]
                r.pieces["answer"], r.done, r.at = [r.out[-1]], True, len(r.plan)
            use, gain = rl.advantages([rows], 0.8, 0.2)
            rl.policy_step(model, base, optim, use, gain, None, torch.float32)
        self.assertGreater(float((chance()[worse] - chance()[target]).detach()), before + 0.5)

    def test_a_run_that_was_cut_short_goes_on_as_if_it_had_not_been(self):
        base = tiny()
        pool = [{"seed": s} for s in range(0, 60, 2) if rl.attempts(s, 1, [])][:4]
        attempts, Paid = rl.attempts, lambda rows: [setattr(r, "right", lambda x: sum(x.out) % 2 == 0) for r in rows]

        def short(seed, times, heard, made):
            rows = attempts(seed, times, heard, made)
            for r in rows:
                r.plan = [[*p[:2], 3, p[3]] if p[0] == "free" else p for p in r.plan]
            Paid(rows)
            return rows

        rl.attempts = short
        try:
            with tempfile.TemporaryDirectory() as folder:
                save_update(low_rank(base), folder + "/u", {})
                options = dict(update=folder + "/u", seconds=1e9, checkpoint=-1.0, batch=2, times=4, temperature=25.0, lr=1e-2, answer=0.8, format=0.2, bits=0, seed=5)
                rl.reward(argparse.Namespace(**options, steps=2, out=folder + "/whole"), base, "cpu", [], copy.deepcopy(pool))
                save, rl.save_update = rl.save_update, self.stop  # the machine goes away behind the first step
                try:
                    with self.assertRaises(KeyboardInterrupt):
                        rl.reward(argparse.Namespace(**options, steps=1, out=folder + "/parts"), base, "cpu", [], copy.deepcopy(pool))
                finally:
                    rl.save_update = save
                self.assertTrue(os.path.exists(folder + "/parts.state"))
                rl.reward(argparse.Namespace(**options, steps=2, out=folder + "/parts"), base, "cpu", [], copy.deepcopy(pool))
                from safetensors.torch import load_file
                whole, parts, start = (load_file(folder + name) for name in ("/whole", "/parts", "/u"))
                self.assertTrue(any(not torch.equal(whole[k], start[k]) for k in whole), "nothing was learned")
                for k in whole:
                    torch.testing.assert_close(whole[k], parts[k])
        finally:
            rl.attempts = attempts

    @staticmethod
    def stop(*_):
        raise KeyboardInterrupt


class Frames(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        self.folder = tempfile.TemporaryDirectory()
        rng, data = np.random.default_rng(2), []
        for n, (word, hz) in enumerate((("red", 300), ("blue", 900))):
            path = f"{self.folder.name}/{n}.wav"
            sound = np.sin(2 * np.pi * hz * np.arange(16000) / 16000) * 0.3 + rng.standard_normal(16000) * 0.01
            with wave.open(path, "wb") as file:
                file.setnchannels(1), file.setsampwidth(2), file.setframerate(16000)
                file.writeframes((sound * 32767).astype(np.int16).tobytes())
            item = {"skill": "facts", "words": [word], "events": [], "final": "", "answer": word + ".", "history": [], "tools": [], "expect": word, "clean": True}
            data.append((path, item))
        self.data = data
        root = os.environ.get("PARLEY_MODELS", os.path.expanduser("~/.cache/parley/models"))
        self.ears = adaptor.Ears(adaptor.Adaptor(smollm2.WIDTH, 64), adaptor.whisper_encoder(root + "/whisper-base/model.bin"), "cpu", variants=2)
        self.ears.add([path for path, _ in data])
        self.base = tiny()
        self.words = adaptor.Words(self.ears, self.base["token_embd"])
        self.options = argparse.Namespace(checkpoint=1e9, batch=2, seed=1)

    def tearDown(self):
        self.folder.cleanup()

    def fit(self, stage, groups, steps):
        self.options.steps = steps
        data = argparse.Namespace(look=lambda: None, sample=lambda rng, batch: self.data)
        return adaptor.fit(stage, groups, data, self.folder.name + "/a", 1e9, self.options)[1]

    def loss(self, stage):
        return float(stage.loss(self.data, Random(1)).detach())

    def test_words_are_read_off_the_embeddings(self):
        before = self.loss(self.words)
        after = self.fit(self.words, [{"params": list(self.ears.adaptor.parameters()), "lr": 3e-3}], 60)
        self.assertLess(after, 0.5 * before)
        self.assertEqual(self.words.measure(self.data, 2)["words"], 2)

    def test_answers_are_learned_from_frames(self):
        update = smollm2.LowRank(4, [], self.base, 1)
        stage = adaptor.Answers(self.words, update, self.base, torch.float32)
        first, behind, written = stage.exchange(self.data[0][1], "after")
        self.assertEqual((first[-1], behind[0], behind[-1]), (MARKS["after"], MARKS["speech_end"], IM_END))
        self.assertEqual(written[0], 0)
        before = self.loss(stage)
        after = self.fit(stage, [{"params": list(self.ears.adaptor.parameters()) + list(update.parameters()), "lr": 3e-3}], 40)
        self.assertLess(after, 0.7 * before)
        self.assertEqual(stage.measure(self.data, 2)["asked"], 2)

    def test_what_is_written_behind_frames_is_what_the_whole_sequence_gives(self):
        stage = adaptor.Answers(self.words, None, self.base, torch.float32)
        keys, exchange = [(path, 0) for path, _ in self.data], ([1, 5, 9], [MARKS["speech_end"]], [0])
        short = exchange[0][1:], exchange[1], [0]
        with torch.no_grad():
            heard = self.ears.hear(keys)
            said = stage.answers(self.base, heard, [exchange, short], most=4)
            for frames, e, text in zip(heard, (exchange, short), said):
                rows, ids = stage.embedded(self.base, [frames], [e])[0], []
                for _ in range(4):
                    ids.append(int(F.linear(hidden(self.base, None, embedded=rows)[0, -1], self.base["token_embd"]).argmax()))
                    rows = torch.cat((rows, self.base["token_embd"][ids[-1]][None, None]), 1)
                self.assertEqual(text, adaptor.decode(ids))

    def test_a_long_turn_is_heard_in_the_groups_of_the_engine(self):
        path = self.folder.name + "/long.wav"
        with wave.open(path, "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(16000)
            file.writeframes((np.random.default_rng(3).standard_normal(16000 * 26) * 3000).astype(np.int16).tobytes())
        self.ears.add([path], 1)
        groups = self.ears.kept[path, 0]
        self.assertEqual([len(g) for g in groups], [630, 32])
        with torch.no_grad():
            together = self.ears.hear([(path, 0), (self.data[0][0], 0)])[0]
            alone = torch.cat([self.ears.adaptor(g[None].float())[0] for g in groups])
        self.assertEqual(len(together), 315 + 16)
        torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main(verbosity=2)
