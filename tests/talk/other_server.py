#!/usr/bin/env python3
"""`parley talk --server` on a Realtime server that others wrote: Hugging Face's speech-to-speech, its protocol, service and
conversation unmodified, over ears, model and voice that are scripted here (a turn is what is loud until 600 ms of quiet,
every question is the same, the answer is a tone of six seconds). A question is heard and answered aloud, an answer is
interrupted, and the server is told where. Not part of ./check, because of what it wants from PyPI (200 MB):
  python3 -m venv DIR && DIR/bin/pip install openai==2.28.0 fastapi uvicorn websockets jsonschema httpx scipy soxr
  DIR/bin/pip install --no-deps speech-to-speech==1.1.0
  tests/talk/sound_server.sh DIR/bin/python tests/talk/other_server.py build/parley QUESTION.flac

SPDX-License-Identifier: Apache-2.0
"""
import math
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
from speech_to_speech.api.openai_realtime.pipeline_unit import PipelineUnit
from speech_to_speech.api.openai_realtime.server import RealtimeServer
from speech_to_speech.api.openai_realtime.service import RealtimeService
from speech_to_speech.pipeline.cancel_scope import CancelScope
from speech_to_speech.pipeline.control import PipelineControlMessage
from speech_to_speech.pipeline.events import (AssistantOutputEvent, AssistantResponseDoneEvent, SpeechStartedEvent,
                                              SpeechStoppedEvent, TranscriptionCompletedEvent)
from speech_to_speech.pipeline.messages import AUDIO_RESPONSE_DONE, AssistantTextPart, AudioOutput

PARLEY, CLIP = sys.argv[1:]
PATIENCE_S = 120
RATE = 16000
LOUD = 0.01
QUIET_S = 0.6
QUESTION = "How many conference tracks are there?"
ANSWER = "There are twelve of them."
TONE_HZ = 440
ANSWER_S = 6


def ears(unit):
    heard_s = quiet_s = 0.0
    speaks = False
    while True:
        chunk = unit.input_queue.get()
        if isinstance(chunk, PipelineControlMessage):  # the client has gone: told through the whole pipeline
            unit.text_prompt_queue.put(chunk)
            heard_s, quiet_s, speaks = 0.0, 0.0, False
            continue
        pcm = np.frombuffer(chunk[0] if isinstance(chunk, tuple) else chunk, dtype="<i2") / 32768
        heard_s += len(pcm) / RATE
        loud = math.sqrt(float(np.mean(pcm * pcm))) > LOUD
        quiet_s = 0.0 if loud else quiet_s + len(pcm) / RATE
        if loud and not speaks:
            speaks = True
            unit.text_output_queue.put(SpeechStartedEvent(audio_start_ms=int(heard_s * 1000)))
        elif speaks and quiet_s >= QUIET_S:
            speaks = False
            unit.text_output_queue.put(SpeechStoppedEvent(audio_end_ms=int(heard_s * 1000)))
            unit.text_output_queue.put(TranscriptionCompletedEvent(transcript=QUESTION))


def answers(unit):
    block = (np.sin(np.arange(RATE // 10) * 2 * math.pi * TONE_HZ / RATE) * 8000).astype("<i2").tobytes()
    while True:
        request = unit.text_prompt_queue.get()
        if isinstance(request, PipelineControlMessage):
            unit.output_queue.put(request)
            continue
        of = {"response_key": request.response_key, "cancel_generation": unit.cancel_scope.generation}
        unit.output_queue.put(AssistantOutputEvent(parts=[AssistantTextPart(text=ANSWER)], **of))
        for _ in range(ANSWER_S * 10):
            if unit.cancel_scope.is_stale(of["cancel_generation"]):
                break
            unit.output_queue.put(AudioOutput(audio=block, **of))
            time.sleep(0.05)  # twice as fast as it sounds
        unit.output_queue.put(AssistantResponseDoneEvent(**of))
        unit.output_queue.put(AudioOutput(audio=AUDIO_RESPONSE_DONE, **of))


def serve():
    """The server, in threads that end with the program: its URL, and the events that its client sends."""
    prompts, listens = queue.Queue(), threading.Event()
    listens.set()
    unit = PipelineUnit(index=0, service=RealtimeService(text_prompt_queue=prompts, should_listen=listens), cancel_scope=CancelScope(),
                        should_listen=listens, response_playing=threading.Event(), input_queue=queue.Queue(),
                        output_queue=queue.Queue(), text_output_queue=queue.Queue(), text_prompt_queue=prompts, handlers=[])
    told, parse = [], unit.service.parse_client_event

    def listen_in(raw):
        told.append(raw)
        return parse(raw)

    unit.service.parse_client_event = listen_in
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = RealtimeServer(threading.Event(), [unit], host="127.0.0.1", port=port)
    for work in ((ears, unit), (answers, unit), (RealtimeServer.run, server)):
        threading.Thread(target=work[0], args=work[1:], daemon=True).start()
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return f"ws://127.0.0.1:{port}/v1/realtime", told
        except OSError:
            assert time.monotonic() < end, "the server does not start"
            time.sleep(0.1)


class Talk:
    def __init__(self, url):
        self.process = subprocess.Popen([PARLEY, "talk", "--headphones", "--server", url], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=lambda: [self.lines.put(line) for line in self.process.stdout], daemon=True).start()

    def until(self, pattern):
        while True:
            line = self.lines.get(timeout=PATIENCE_S)
            print(line, end="", flush=True)
            if re.search(pattern, line):
                return line


def say():
    subprocess.run(["paplay", "-d", "feed", CLIP], check=True, timeout=PATIENCE_S)


def loudspeaker(seconds):
    """What it plays in the next seconds."""
    record = ["parec", "-d", "spk.monitor", f"--rate={RATE}", "--channels=1", "--format=s16le", "--latency-msec=20"]
    with subprocess.Popen(record, stdout=subprocess.PIPE) as process:
        sound = process.stdout.read(2 * RATE * seconds)
        process.kill()
    return np.frombuffer(sound, dtype="<i2") / 32768


def main():
    url, told = serve()
    talk = Talk(url)
    talk.until("parley listens")
    say()
    talk.until("hears +" + re.escape(QUESTION))
    talk.until("says +" + re.escape(ANSWER))
    talk.until("first sound of the answer")
    sound = loudspeaker(2)
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    at = round(TONE_HZ * len(sound) / RATE)
    share = spectrum[at - 3:at + 4].sum() / spectrum.sum()
    assert np.std(sound) > 0.1 and share > 0.9, f"that is not the tone: {np.std(sound)}, {share}"
    talk.until("from your last word to its first sound")

    say()
    talk.until("first sound of the answer")
    say()
    talk.until("interrupt after")
    talk.until("from your last word to its first sound")
    cuts = [event["audio_end_ms"] for event in told if event["type"] == "conversation.item.truncate"]
    assert len(cuts) == 1 and 0 < cuts[0] < ANSWER_S * 1000, f"the server was not told where: {cuts}"
    talk.process.send_signal(signal.SIGTERM)
    assert talk.process.wait(PATIENCE_S) == 0
    print(f"ok: a question, its answer, and an interruption after {cuts[0]} ms of another")


main()
