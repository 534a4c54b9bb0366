#!/usr/bin/env python3
"""What an operator relies on, seen from outside of `parley serve`: TLS, keys, close codes, refusals with Retry-After, what
it will not listen on, how it drains, and that a second signal ends it at once.

SPDX-License-Identifier: Apache-2.0
"""
import asyncio
import base64
import contextlib
import json
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import websockets

from harness import Server, arguments, run

PROGRAM = arguments().parley


def serve(*options, **environment):
    return Server(PROGRAM, "serve", "--listen", "127.0.0.1:0", *options, env=environment)


def status_of(url, headers=None, context=None):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), context=context) as reply:
            return reply.status, dict(reply.headers)
    except urllib.error.HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}


async def refusal_of(url, **more):
    try:
        async with websockets.connect(url, **more):
            return None
    except websockets.exceptions.InvalidStatus as refused:
        return refused.response.status_code, refused.response.headers


async def next_of(ws, kind, seconds=30):
    async with asyncio.timeout(seconds):
        while True:
            event = json.loads(await ws.recv())
            if event["type"] == kind:
                return event


async def close_code(ws, seconds=30):
    async with asyncio.timeout(seconds):
        try:
            while True:
                await ws.recv()
        except websockets.exceptions.ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


async def ask_for_text(ws):
    """A turn that takes a moment: text, as long as the model likes."""
    for event in [{"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"],
                                                         "audio": {"input": {"turn_detection": None}}}},
                  {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [
                      {"type": "input_text", "text": "Tell me about the sea."}]}},
                  {"type": "response.create"}]:
        await ws.send(json.dumps(event))


class slow_reader:
    """A WebSocket that writes and does not read until `rest`; no client library lets one do that."""

    def __init__(self, port):
        deadline = time.monotonic() + 30
        # A place is free again when the server is done with the connection before, a moment after its client has seen it close.
        while (head := self.greeting(port)).startswith(b"HTTP/1.1 503") and time.monotonic() < deadline:
            self.socket.close()
        assert b"session.created" in head, head[:200]

    def greeting(self, port):
        """Connects: everything up to `session.created`, or to the end of a refusal."""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.sendall(b"GET /v1/realtime?model=default HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                            b"Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)) + b"\r\n\r\n")
        head = b""
        while b"session.created" not in head and (more := self.socket.recv(65536)):
            head += more
        return head

    def say(self, event):
        text, mask = json.dumps(event).encode(), os.urandom(4)
        size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack(">H", len(text))
        with contextlib.suppress(OSError):  # the server may have cut it by now
            self.socket.sendall(b"\x81" + size + mask + bytes(c ^ mask[i % 4] for i, c in enumerate(text)))

    def rest(self):
        """What is still to come, and whether the connection was reset instead of closed."""
        data = b""
        try:
            while more := self.socket.recv(1 << 20):
                data += more
        except ConnectionResetError:
            return data, True
        return data, False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


async def speaks_tls_and_wants_a_key():
    with tempfile.TemporaryDirectory() as state:
        with serve("--tls-self-signed", PARLEY_API_KEYS="sesame,second", XDG_STATE_HOME=state) as server:
            assert server.http.startswith("https://")
            certificate = next(pathlib.Path(state).rglob("self-signed.crt"))
            context = ssl.create_default_context(cafile=certificate)  # it is good for 127.0.0.1, and checked
            assert status_of(server.http + "/healthz", context=context)[0] == 200
            assert status_of(server.http + "/v1/models", context=context)[0] == 401
            assert status_of(server.http + "/v1/models", {"Authorization": "Bearer second"}, context)[0] == 200
            url = server.ws + "/v1/realtime?model=default"
            status, headers = await refusal_of(url, ssl=context)
            assert status == 401 and "Bearer" in headers["WWW-Authenticate"], (status, headers)
            assert (await refusal_of(url, ssl=context, additional_headers={"Authorization": "Bearer no"}))[0] == 401
            async with websockets.connect(url, ssl=context, additional_headers={"api-key": "sesame"}) as ws:
                await next_of(ws, "session.created")
            protocols = ["realtime", "openai-insecure-api-key.sesame", "openai-agents-sdk.1"]
            async with websockets.connect(url, ssl=context, subprotocols=protocols) as ws:
                assert ws.subprotocol == "realtime"
                await next_of(ws, "session.created")
            key = pathlib.Path(state).rglob("self-signed.key")
            assert os.stat(next(key)).st_mode & 0o77 == 0, "others can read the key"


async def keeps_its_limits():
    limits = ["first_message_s=2", "longest_message_kb=64", "outbox_kb=64"]
    with serve("--max-sessions", "2", *[word for limit in limits for word in ("--set", f"server.{limit}")]) as server:
        url = server.ws + "/v1/realtime?model=default"
        silent = await websockets.connect(url)
        loud = await websockets.connect(url)
        status, headers = await refusal_of(url)
        assert status == 503 and int(headers["Retry-After"]) > 0, (status, headers)
        await loud.send(json.dumps({"type": "session.update", "session": {"type": "realtime", "instructions": "x" * 99999}}))
        assert await close_code(loud) == 1009, "a message that is too long"
        assert await close_code(silent) == 1008, "a client that says nothing"
        async with websockets.connect(url) as binary:
            await binary.send(b"\x00\x01")
            assert await close_code(binary) == 1003, "a binary frame"
        # Whoever does not read is cut off, and the server does not grow.
        with slow_reader(server.port) as slow:
            item = {"type": "message", "id": "long", "role": "user",
                    "content": [{"type": "input_text", "text": "x" * 30000}]}
            slow.say({"type": "conversation.item.create", "item": item})
            for _ in range(300):
                slow.say({"type": "conversation.item.retrieve", "item_id": "long"})
            end, reset = slow.rest()
            # What the server has not read of us makes the kernel reset the connection, which may take the last frame away.
            assert reset or end.endswith(b"\x88\x15\x03\xf5you read too slowly"), f"not closed with 1013: {len(end)} bytes, then {end[-32:]}"
        metrics = urllib.request.urlopen(server.http + "/metrics").read().decode()
        assert "parley_ws_slow_readers_total 1" in metrics
        assert 'parley_session_rejected_total{reason="capacity"} 1' in metrics
        status, headers = status_of(server.http + "/v1/realtime")
        assert status == 426 and headers.get("upgrade") == "websocket", (status, headers)


def starts_only_where_it_is_safe():
    def start(*options, **environment):
        # Without models: whoever looked for them before it said no would speak of them.
        done = subprocess.run([PROGRAM, "serve", *options], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "PARLEY_MODELS": "/nowhere", **environment})
        assert done.returncode == 1, done
        return done.stderr

    def refused(*options, **environment):
        said = start(*options, **environment)
        assert "models fetch" not in said, said
        return said

    said = refused("--listen", "0.0.0.0:0")
    for word in ("API keys", "TLS", "--behind-proxy", "--insecure"):
        assert word in said, said
    assert "TLS" in refused("--listen", "0.0.0.0:0", PARLEY_API_KEYS="sesame")
    assert "API keys" in refused("--listen", "0.0.0.0:0", "--behind-proxy", "10.0.0.0/8")
    assert "10.0.0.0/8" in refused("--behind-proxy", "ten")
    assert "HOST:PORT" in refused("--listen", "here")
    assert "belong together" in refused("--tls-cert", "cert.pem")
    assert "/nowhere" in refused("--keys", "/nowhere/keys")
    # Whoever means it is let, and warned.
    said = start("--listen", "0.0.0.0:0", "--insecure")
    assert "models fetch" in said and "insecure" in said, said


async def believes_its_proxy_alone():
    with serve("--behind-proxy", "127.0.0.0/8", PARLEY_API_KEYS="sesame") as server:
        far = {"X-Forwarded-For": "203.0.113.7"}
        assert status_of(server.http + "/metrics")[0] == 200
        assert status_of(server.http + "/metrics", far)[0] == 401
        assert status_of(server.http + "/metrics", {**far, "api-key": "sesame"})[0] == 200


async def drains_behind_its_turns():
    with serve() as server:
        url = server.ws + "/v1/realtime?model=default"
        async with websockets.connect(url) as idle, websockets.connect(url) as busy:
            await next_of(idle, "session.created")
            await ask_for_text(busy)
            await next_of(busy, "response.created")
            server.process.terminate()
            done = await next_of(busy, "response.done")
            assert done["response"]["status"] == "completed", done
            assert await close_code(busy) == 1001 and await close_code(idle) == 1001
        assert server.process.wait(20) == 0


async def refuses_newcomers_while_it_drains():
    with serve("--set", "server.drain_s=30") as server:
        url = server.ws + "/v1/realtime?model=default"
        async with websockets.connect(url) as busy:
            # A turn that never ends: a voice that goes on. Nothing is quiet, so the server waits.
            await next_of(busy, "session.created")
            await busy.send(json.dumps({"type": "session.update", "session": {"type": "realtime", "audio": {"input": {
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 5000}}}}}))
            speaking = asyncio.create_task(talk_on(busy))
            await next_of(busy, "input_audio_buffer.speech_started")
            server.process.terminate()
            async with asyncio.timeout(10):
                while status_of(server.http + "/readyz")[0] != 503:
                    await asyncio.sleep(0.05)
            assert status_of(server.http + "/healthz")[0] == 200
            status, headers = await refusal_of(url)
            assert status == 503 and int(headers["Retry-After"]) > 0, (status, headers)
            assert server.process.poll() is None, "it did not wait for the turn"
            began = time.monotonic()
            server.process.terminate()  # now
            assert server.process.wait(25) == 0
            assert time.monotonic() - began < 10, "the second signal was not at once: draining may take 30 s"
            assert await close_code(busy) == 1001
            speaking.cancel()


async def talk_on(ws):
    from harness import at_the_speed_of_speech, base64_of, clip

    _, pcm = clip("turn_004")
    try:
        while True:
            await at_the_speed_of_speech(pcm, lambda block: ws.send(
                json.dumps({"type": "input_audio_buffer.append", "audio": base64_of(block)})))
    except websockets.exceptions.ConnectionClosed:
        pass


run([("speaks TLS and wants a key", speaks_tls_and_wants_a_key), ("keeps its limits", keeps_its_limits),
     ("starts only where it is safe", starts_only_where_it_is_safe),
     ("believes its proxy alone", believes_its_proxy_alone), ("drains behind its turns", drains_behind_its_turns),
     ("refuses newcomers while it drains, and ends at the second signal", refuses_newcomers_while_it_drains)])
