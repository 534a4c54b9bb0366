#!/usr/bin/env python3
"""models/fetch_build_deps.py against a server on this machine: resume, wrong hashes, damaged trees.
SPDX-License-Identifier: Apache-2.0
"""
import hashlib
import http.server
import importlib.util
import io
import json
import os
import re
import tempfile
import threading
import unittest
import zipfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
spec = importlib.util.spec_from_file_location("fetch_build_deps", os.path.join(ROOT, "models/fetch_build_deps.py"))
deps = importlib.util.module_from_spec(spec)
spec.loader.exec_module(deps)
deps.PAUSE_S = 0.001
deps.say = lambda *args, **kwargs: None


def wheel_bytes():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("openvino/libs/libopenvino.so.1", os.urandom(50_000))
        archive.writestr("openvino/cmake/Config.cmake", "x")
        archive.writestr("openvino/torch/big.py", "not wanted")
        archive.writestr("openvino-1.dist-info/licenses/LICENSE", "Apache")
        archive.writestr("openvino-1.dist-info/RECORD", "not wanted")
    return out.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        server.seen.append((self.path, self.headers.get("Range")))
        if self.path == "/simple/openvino/":
            body = server.page.encode()
            self.send_response(200)
            self.send_header("Content-Type", server.page_type)
        elif self.path == "/f/o.whl":
            body, begin = server.wheel, 0
            ask = re.match(r"bytes=(\d+)-", self.headers.get("Range") or "")
            if ask and int(ask[1]) >= len(body):
                self.send_error(416)
                return
            if ask:
                begin = int(ask[1])
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
            else:
                self.send_response(200)
            body = body[begin:]
        else:
            self.send_error(404)
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts and self.path.startswith("/f/") else len(body)
        self.wfile.write(body[:cut])


class BuildDeps(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.seen, self.server.cuts, self.server.wheel = [], [], wheel_bytes()
        self.server.page = json.dumps({"files": [{"filename": "o.whl", "url": "/f/o.whl"}]})
        self.server.page_type = "application/vnd.pypi.simple.v1+json"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.folder = tempfile.TemporaryDirectory()
        self.dir = self.folder.name
        self.item = {"name": "openvino", "version": "1", "unpack": ["openvino/libs/*", "openvino/cmake/*",
                                                                   "openvino-*.dist-info/licenses/*"],
                     "sources": {"wheel": {"pypi": "openvino", "file": "o.whl", "size": len(self.server.wheel),
                                           "sha256": hashlib.sha256(self.server.wheel).hexdigest()}}}

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def provide(self):
        index = f"http://127.0.0.1:{self.server.server_port}/simple"
        settings = {"index-url": index}
        deps.provide(deps.Web(settings), settings, self.item, self.dir)

    def files(self):
        return sorted(os.path.relpath(os.path.join(d, n), self.dir) for d, _, names in os.walk(self.dir) for n in names)

    def downloads(self):
        return [r for path, r in self.server.seen if path == "/f/o.whl"]

    def test_unpacks_what_is_wanted_and_nothing_else(self):
        self.provide()
        self.assertEqual(self.files(), ["openvino/cmake/Config.cmake", "openvino/libs/libopenvino.so.1",
                                        "openvino/licenses/LICENSE", "openvino/parley.json"])

    def test_a_second_run_asks_for_nothing(self):
        self.provide()
        seen = len(self.server.seen)
        self.provide()
        self.assertEqual(len(self.server.seen), seen)

    def test_a_missing_or_short_file_is_mended(self):
        self.provide()
        os.remove(os.path.join(self.dir, "openvino/cmake/Config.cmake"))
        self.provide()
        with open(os.path.join(self.dir, "openvino/libs/libopenvino.so.1"), "w"):
            pass
        self.provide()
        self.assertEqual(len(self.downloads()), 3)
        self.assertEqual(os.path.getsize(os.path.join(self.dir, "openvino/libs/libopenvino.so.1")), 50_000)

    def test_goes_on_after_cuts(self):
        self.server.cuts = [20_000, 10_000]
        self.provide()
        self.assertEqual(self.downloads(), [None, "bytes=20000-", "bytes=30000-"])

    def test_goes_on_in_the_next_run(self):
        self.server.cuts = [20_000] + [0] * 20
        with self.assertRaisesRegex(deps.Refused, "goes on"):
            self.provide()
        self.server.cuts = []
        self.provide()
        self.assertEqual(self.downloads()[-1], "bytes=20000-")

    def test_refuses_a_wrong_hash_and_keeps_nothing(self):
        good = self.server.wheel
        self.server.wheel = good[:1000] + b"x" + good[1001:]
        with self.assertRaisesRegex(deps.Refused, hashlib.sha256(self.server.wheel).hexdigest()):
            self.provide()
        self.assertEqual(self.files(), [])

    def test_a_wrong_beginning_is_thrown_away(self):
        with open(os.path.join(self.dir, "o.whl.part"), "w") as f:
            f.write("rubbish")
        self.provide()
        self.assertIn("openvino/parley.json", self.files())

    def test_reads_html_indexes(self):
        self.server.page, self.server.page_type = '<a href="../../f/o.whl#sha256=1">o</a>', "text/html"
        self.provide()

    def test_says_what_is_missing(self):
        self.server.page = '{"files": []}'
        with self.assertRaisesRegex(deps.Refused, "does not offer o.whl.*PIP_INDEX_URL"):
            self.provide()

    def test_pip_settings_of_the_environment_win(self):
        conf = os.path.join(self.dir, "pip.conf")
        with open(conf, "w") as f:
            f.write("[global]\nindex-url = https://file/simple\nproxy = http://p\n")
        env = {"PIP_CONFIG_FILE": conf}
        self.assertEqual(deps.pip_settings(env)["index-url"], "https://file/simple")
        env["PIP_INDEX_URL"] = "https://env/simple"
        self.assertEqual(deps.pip_settings(env)["index-url"], "https://env/simple")
        self.assertNotIn("proxy", deps.pip_settings({"PIP_CONFIG_FILE": "/dev/null"}))
        self.assertEqual(deps.printable("https://u:secret@h/x"), "https://h/x")


if __name__ == "__main__":
    unittest.main()
