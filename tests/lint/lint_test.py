#!/usr/bin/env python3
"""Lint must be able to fail: each case is a small tree with one fault and the message it must bring.
SPDX-License-Identifier: Apache-2.0
"""
import os
import tempfile
import unittest

import check_layers

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


def lint(files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w") as f:
                f.write(text)
        return [f"{p}:{n}: {m}" for p, n, m, error in check_layers.check(root) if error]


class Layers(unittest.TestCase):
    def header(self, path, body=""):
        return {path: SPDX + "#pragma once\n" + body}

    def source(self, path, body):
        return {path: SPDX + body}

    def test_a_clean_tree_is_silent(self):
        files = {**self.header("src/common/a.h"), **self.header("kernels/k.h", '#include "common/a.h"\n'),
                 **self.source("src/model/m.cc", '#include "kernels/k.h"\n#include <vector>\n#include <sys/mman.h>\n')}
        self.assertEqual(lint(files), [])

    def test_arrows_point_one_way(self):
        files = {**self.header("realtime/session.h"), **self.source("src/model/m.cc", '#include "realtime/session.h"\n')}
        self.assertEqual(lint(files), ["src/model/m.cc:2: src/model may not include realtime/session.h"])

    def test_a_file_of_another_module_can_be_allowed_alone(self):
        files = {**self.header("realtime/session.h"), **self.header("realtime/conversation.h"),
                 **self.source("src/bridge/b.cc", '#include "realtime/session.h"\n#include "realtime/conversation.h"\n')}
        self.assertEqual(lint(files), ["src/bridge/b.cc:3: src/bridge may not include realtime/conversation.h"])

    def test_third_party_stays_at_home(self):
        files = self.source("realtime/r.cc", "#include <spdlog/spdlog.h>\n")
        self.assertEqual(lint(files), ["realtime/r.cc:2: <spdlog/spdlog.h> belongs in src/common/log.cc, not in "
                                       "realtime/r.cc"])
        self.assertEqual(lint(self.source("src/common/log.cc", "#include <spdlog/spdlog.h>\n")), [])
        self.assertEqual(len(lint(self.header("src/common/j.h", "#include <nlohmann/json.hpp>\n"))), 1)

    def test_an_unknown_library_needs_a_home(self):
        self.assertEqual(lint(self.source("tts/t.cc", "#include <fftw3.h>\n")),
                         ["tts/t.cc:2: <fftw3.h> has no home in tests/lint/rules.py"])

    def test_missing_and_misspelt_own_headers(self):
        self.assertEqual(len(lint(self.source("tts/t.cc", '#include "none.h"\n'))), 1)
        files = {**self.header("src/common/a.h"), **self.source("tts/t.cc", "#include <common/a.h>\n")}
        self.assertEqual(lint(files), ['tts/t.cc:2: <common/a.h> is ours: write "common/a.h"'])

    def test_sizes_licences_and_guards(self):
        self.assertEqual(lint({"tts/t.cc": SPDX + "\n" * 700}), ["tts/t.cc:701: 701 lines; split it at 400"])
        self.assertEqual(lint({"tts/t.cc": SPDX + "\n" * 500}), [])  # a warning only
        self.assertEqual(lint({"tts/t.cc": "int x;\n"}),
                         ["tts/t.cc:1: has no line `SPDX-License-Identifier: Apache-2.0`"])
        self.assertEqual(lint({"tts/t.h": SPDX}), ["tts/t.h:1: has no #pragma once"])

    def test_what_product_code_never_does(self):
        for body in ("std::this_thread::sleep_for(x);\n", "thread.detach();\n", "  exit(1);\n", "std::exit(2);\n",
                     "AnswerText::Key key;\n", "class AnswerParser {\n"):
            self.assertEqual(len(lint(self.source("tts/t.cc", body))), 1, body)
        for body in ('Say("exit(1)");\n', "// sleep_for(x) is forbidden\n", "pool.exit(1);\n", "OnExit(1);\n"):
            self.assertEqual(lint(self.source("tts/t.cc", body)), [], body)
        self.assertEqual(lint(self.source("tests/unit/t_test.cc", "std::this_thread::sleep_for(x);\n")), [])

    def test_goldens_are_read(self):
        files = {"tests/golden/mel.bin": "x", **self.source("tests/golden/g_test.cc", 'Open("other.bin");\n')}
        self.assertEqual(lint(files), ["tests/golden/mel.bin:1: no test reads this golden"])
        for body in ('Open("mel.bin");\n', 'Open(GoldenDir() + "/mel.bin");\n', 'Open("me_" + name);\n'):
            files["tests/golden/g_test.cc"] = SPDX + body
            self.assertEqual(len(lint(files)), int("me_" in body), body)
        files = {"tests/golden/tok_a.txt": "x", **self.source("tests/golden/g_test.cc", 'Open("tok_" + name);\n')}
        self.assertEqual(lint(files), [])
        files = {"tests/golden/llama/w.bin": "x", **self.source("tests/golden/g_test.cc", 'OpenAll("llama");\n')}
        self.assertEqual(lint(files), [])

    def test_a_file_outside_every_module(self):
        self.assertEqual(lint(self.source("extra/x.cc", "")), ["extra/x.cc:1: is in no module of tests/lint/rules.py"])


if __name__ == "__main__":
    unittest.main()
