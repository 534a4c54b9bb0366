"""What the client tests share: a server, clips, and the order that events must have.

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import asyncio
import base64
import json
import math
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import soundfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIPS = ROOT / "tests/data/speech/conversation"
RATE = 24000
BLOCK_MS = 40
STORY_S = 9.5  # at least: the scripted server's long story is 170 letters, its voice takes 60 ms for each


class Server:
    """A server of ours on a free port, until the `with` ends."""

    def __init__(self, program, *options, env=None):
        self.command = [program, *options]
        self.env = {**os.environ, **(env or {})}

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True, env=self.env)
        line = self.process.stdout.readline()
        found = re.search(r"serves (https?)://127\.0\.0\.1:(\d+)", line)
        assert found, f"the server did not start: {line!r}, exit {self.process.poll()}"
        self.port = int(found[2])
        self.http = f"{found[1]}://127.0.0.1:{self.port}"
        self.ws = self.http.replace("http", "ws", 1)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--parley", required=True, help="the program")
    parser.add_argument("--scripted", help="the server with the scripted engine")
    parser.add_argument("--only", help="part of a test's name")
    return parser.parse_args()


def run(tests):
    """Runs each (name, function); prints what happened; exits 1 when one failed."""
    only = arguments().only
    failed = 0
    for name, test in tests:
        if only and only not in name:
            continue
        began = time.monotonic()
        try:
            result = test()
            if asyncio.iscoroutine(result):
                asyncio.run(result)
            print(f"ok    {name} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception:  # noqa: BLE001 - whatever a client throws is a failure with a trace
            import traceback

            traceback.print_exc()
            print(f"FAILED {name}", flush=True)
            failed += 1
    sys.exit(1 if failed else 0)


# ---- clips

def clip(name):
    """(words, PCM16 of 24 kHz): a question of the test data."""
    with open(CLIPS / "manifest.json") as file:
        manifest = json.load(file)
    entries = manifest if isinstance(manifest, list) else manifest.get("clips", manifest)
    entry = next(e for e in entries if name in str(e.get("file", e.get("name", ""))))
    samples, rate = soundfile.read(CLIPS / entry["file"], dtype="float32")
    count = int(len(samples) * RATE / rate)
    resampled = np.interp(np.arange(count) * rate / RATE, np.arange(len(samples)), samples)
    return entry["text"], (np.clip(resampled, -1, 1) * 32767).astype("<i2").tobytes()


def silence(ms):
    return bytes(RATE * 2 * ms // 1000)


def blocks(pcm, ms=BLOCK_MS):
    size = RATE * 2 * ms // 1000
    return [pcm[i : i + size] for i in range(0, len(pcm), size)]


async def at_the_speed_of_speech(pcm, send, stop=None):
    """Sends block by block; `stop` (an asyncio.Event) ends it."""
    began = time.monotonic()
    for i, block in enumerate(blocks(pcm)):
        if stop is not None and stop.is_set():
            return
        await send(block)
        await asyncio.sleep(max(0, began + (i + 1) * BLOCK_MS / 1000 - time.monotonic()))


def base64_of(block):
    return base64.b64encode(block).decode()


def tone(level, ms):
    """What the scripted server's transcriber tells apart by its loudness."""
    count = RATE * ms // 1000
    return b"".join(struct.pack("<h", int(3276.7 * level * math.copysign(1, math.sin(i * 0.15)))) for i in range(count))


# ---- a conversation over a bare WebSocket

class SocketTalk:
    """What came, each event with the time it came at, in the order that every client relies on."""

    patience_s = 30  # how long an event is waited for

    def __init__(self, socket):
        self.socket, self.events, self.order = socket, [], Order()
        self.news = asyncio.Event()
        self.reader = asyncio.create_task(self.read())
        self.reader.add_done_callback(lambda _: self.news.set())

    async def read(self):
        async for text in self.socket:
            at = time.monotonic()
            event = json.loads(text)
            event["at"] = at
            self.order(event)
            self.events.append(event)
            self.news.set()

    async def send(self, **event):
        await self.socket.send(json.dumps(event))

    async def append(self, block):
        await self.send(type="input_audio_buffer.append", audio=base64_of(block))

    async def turns_are(self, turns):
        """Who ends a turn, in the protocol's words; None: a commit. What is heard is transcribed."""
        await self.send(type="session.update", session={"type": "realtime", "audio": {"input": {
            "transcription": {"model": "default"}, "turn_detection": turns}}})
        await self.wait("session.updated")

    def all(self, kind, since=0):
        return [event for event in self.events[since:] if event["type"] == kind]

    async def wait(self, kind, since=0):
        """The first event of this kind from position `since` on."""
        async with asyncio.timeout(self.patience_s):
            while not (found := self.all(kind, since)):
                if self.reader.done():
                    self.reader.result()
                    raise AssertionError(f"closed before {kind}")
                self.news.clear()
                await self.news.wait()
        return found[0]


# ---- words

def words(text):
    return re.sub(r"[^a-z0-9' ]", " ", text.lower().replace("-", " ")).split()


def word_errors(wanted, heard):
    """Edits between the words, as a share of the wanted ones."""
    a, b = words(wanted), words(heard)
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1] / max(1, len(a))


def loudness(pcm):
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype("float64") / 32768
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0


# ---- the order of events

class Order:
    """Holds the rules that every client relies on; feed it every event that the server sends."""

    def __init__(self):
        self.items = []
        self.response = None
        self.open_items = set()
        self.open_parts = set()
        self.done_responses = set()
        self.ids = set()
        self.created = False
        self.next_index = {}

    def __call__(self, event):
        kind = event["type"]
        assert event["event_id"] not in self.ids, f"{kind}: the event_id is used twice"
        self.ids.add(event["event_id"])
        if not self.created:
            assert kind == "session.created", f"{kind} before session.created"
            self.created = True
        getattr(self, "on_" + kind.replace(".", "_"), lambda e: None)(event)

    def on_input_audio_buffer_committed(self, event):
        self.precedes(event["previous_item_id"])

    def on_conversation_item_added(self, event):
        self.precedes(event["previous_item_id"], event["item"]["id"])
        assert event["item"]["id"] not in self.items, "an item is added twice"
        after = event["previous_item_id"]
        self.items.insert(self.items.index(after) + 1 if after else 0, event["item"]["id"])

    def on_conversation_item_done(self, event):
        assert event["item"]["id"] in self.items

    def on_conversation_item_deleted(self, event):
        self.items.remove(event["item_id"])

    def precedes(self, before, *_):
        assert before is None or before in self.items, f"previous_item_id {before} names no item"

    def on_response_created(self, event):
        self.next_index[event["response"]["id"]] = 0
        if event["response"]["conversation_id"] is None:
            return
        assert self.response is None, "two responses at a time"
        assert event["response"]["status"] == "in_progress"
        self.response = event["response"]["id"]

    def on_response_output_item_added(self, event):
        assert event["output_index"] == self.next_index[event["response_id"]], "output_index does not count"
        self.open_items.add(event["item"]["id"])

    def on_response_content_part_added(self, event):
        assert event["item_id"] in self.open_items
        assert event["part"]["type"] in ("audio", "text")
        self.open_parts.add(event["item_id"])

    def on_response_output_audio_delta(self, event):
        assert event["item_id"] in self.open_parts, "a delta outside of an open part"
        assert len(event["delta"]) < 1 << 20

    on_response_output_audio_transcript_delta = on_response_output_audio_delta
    on_response_output_text_delta = on_response_output_audio_delta

    def on_response_content_part_done(self, event):
        self.open_parts.remove(event["item_id"])

    def on_response_output_item_done(self, event):
        item = event["item"]
        assert item["id"] not in self.open_parts, "the part is still open"
        assert item["status"] in ("completed", "incomplete")
        self.open_items.remove(item["id"])
        self.next_index[event["response_id"]] += 1

    def on_response_done(self, event):
        response = event["response"]
        assert response["id"] not in self.done_responses, "response.done twice"
        self.done_responses.add(response["id"])
        if response["conversation_id"] is None:
            return
        assert not self.open_items and not self.open_parts, "something is still open"
        assert response["id"] == self.response, "the response that is done is another one"
        assert response["status"] in ("completed", "cancelled", "failed", "incomplete")
        assert response["usage"]["input_token_details"] is not None
        assert response["usage"]["output_token_details"] is not None
        assert "status_details" in response
        self.response = None
