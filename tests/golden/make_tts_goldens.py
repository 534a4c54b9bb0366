#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/tts_piper.json: what onnxruntime hears in the default Piper voice.

The whole clause in one run of the uncut network, at noise 0: phoneme ids, number of samples, and
the samples at fixed places, which the voice's chunks must equal within 1e-4.

  python3 tests/golden/make_tts_goldens.py ~/.cache/parley/models/piper-en-us-joe

Needs numpy and onnxruntime (made with 1.31.1).
"""
import json
import pathlib
import sys

import numpy as np
import onnxruntime

# IPA as our flite phonemizer gave it when the golden was made; the test uses these, not its own.
CLAUSES = {
    "eight_words": "ðə wˈɛðɚ ɪn pˈæɹɪs ɪz sˈʌni ænd mˈaɪld tədˈeɪ.",
    "short": "jˈɛs.",
    "very_short": "ˈoʊ",
    "long": "ɪf juː lˈɪsən klˈoʊsli, juː kæn hˈɪɹ ðə wˈɪnd mˈuːv θɹˈuː ðə tˈɔːl tɹˈiːz bɪhˈaɪnd ðə hˈaʊs, "
            "ænd ðˈɛn ðə ɹˈeɪn bɪɡˈɪnz ɐɡˈɛn.",
}
STEP = 97  # every 97th sample: a few hundred places, at no multiple of a frame


def main():
    folder = pathlib.Path(sys.argv[1])
    onnx = next(folder.glob("*.onnx"))
    config = json.loads((folder / (onnx.name + ".json")).read_text())
    ids_of = config["phoneme_id_map"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(onnx), options)
    golden = {"about": {"made_with": f"onnxruntime {onnxruntime.__version__}", "by": "make_tts_goldens.py"},
              "values": {"step": STEP, "clauses": {}}}
    for name, ipa in CLAUSES.items():
        ids = []
        for symbol in ["^", *ipa]:
            ids += ids_of[symbol] + ids_of["_"]
        ids += ids_of["$"]
        sound = session.run(None, {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array([0, 1, 0], np.float32),
        })[0].reshape(-1)
        golden["values"]["clauses"][name] = {
            "ipa": ipa,
            "ids": ids,
            "samples": len(sound),
            "energy": float(np.sum(sound.astype(np.float64) ** 2)),
            "at_step": [round(float(v), 7) for v in sound[::STEP]],
        }
    out = pathlib.Path(__file__).parent / "tts_piper.json"
    out.write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(out, out.stat().st_size, {n: c["samples"] for n, c in golden["values"]["clauses"].items()})


main()
