#!/usr/bin/env python3
"""Sound on the wire in its other formats, through the published `openai` client: raw Opus packets of 20 ms, one in every
message, and G.711. What was said is made out, and what was answered is heard back by our own ears.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import re

import av
import numpy as np

from harness import RATE, Server, arguments, clip, loudness, run, silence, word_errors, words
from openai_talk import MOST_WRONG, Talk, client_of, hear_back

PROGRAM = arguments().parley


def resampled(pcm, rate, wanted):
    samples = np.frombuffer(pcm, "<i2").astype("float64")
    count = len(samples) * wanted // rate
    return np.interp(np.arange(count) * rate / wanted, np.arange(len(samples)), samples).astype("<i2")


class Coder:
    """Libav's coder of that name, mono: packets of 20 ms from PCM16 of 24 kHz, and back."""

    def __init__(self, name, rate):
        self.name, self.rate = name, rate
        self.decoder = av.CodecContext.create(name, "r")
        self.decoder.sample_rate, self.decoder.layout = rate, "mono"

    def packets(self, pcm):
        encoder = av.CodecContext.create(self.name, "w")
        encoder.sample_rate, encoder.layout, encoder.format = self.rate, "mono", "s16"
        samples, size = resampled(pcm, RATE, self.rate), self.rate // 50
        given = []
        for begin in range(0, len(samples) - size + 1, size):
            frame = av.AudioFrame.from_ndarray(samples[None, begin:begin + size], format="s16", layout="mono")
            frame.sample_rate, frame.pts = self.rate, begin
            given += encoder.encode(frame)
        return [bytes(packet) for packet in given + encoder.encode(None)]

    def samples(self, data):
        """PCM16 at the coder's rate."""
        out = b""
        for frame in self.decoder.decode(av.Packet(data)):
            values = frame.to_ndarray()[0]
            out += (values if values.dtype == np.int16 else np.clip(values, -1, 1) * 32767).astype("<i2").tobytes()
        return out


class FormatTalk(Talk):
    """Speaks in packets of a coder."""

    def __init__(self, connection, coder):
        super().__init__(connection)
        self.coder = coder

    async def append(self, block):
        for packet in self.coder.packets(block):
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(packet).decode())


def numerals_aside(text):
    """"12" is heard back as "twelve": neither is wrong."""
    return re.sub(r"\b(\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b", "", text.lower())


async def talks_in(client, form, coder, check):
    async with client.realtime.connect(model="default") as connection:
        talk = FormatTalk(connection, coder)
        await connection.session.update(session={"type": "realtime", "audio": {
            "input": {"format": form, "transcription": {"model": "whisper-1"}, "turn_detection": None},
            "output": {"format": form}}})
        told = (await talk.wait("session.updated"))["session"]["audio"]
        assert told["input"]["format"]["type"] == told["output"]["format"]["type"] == form["type"], told
        text, pcm = clip("turn_002")
        await talk.append(silence(200) + pcm + silence(200))
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        done = (await talk.wait("response.done"))["response"]
        heard = await talk.wait("conversation.item.input_audio_transcription.completed")
        assert word_errors(text, heard["transcript"]) <= MOST_WRONG, (text, heard["transcript"])
        said = done["output"][0]["content"][0]["transcript"]
        messages = [base64.b64decode(e["delta"]) for e in talk.all("response.output_audio.delta")]
        sound = b"".join(check(message, coder.samples(message)) for message in messages)
        assert words(said) and loudness(sound) > 0.01, (said, len(messages))
        assert not talk.all("error"), talk.all("error")
    back = await hear_back(client, resampled(sound, coder.rate, RATE).tobytes())
    assert word_errors(numerals_aside(said), numerals_aside(back)) <= MOST_WRONG, (said, back)


async def every_format():
    def one_packet(message, samples):
        assert not message.startswith(b"OggS") and len(message) < 1276, "not a raw packet"
        assert len(samples) == 2 * 960, f"a message of {len(samples) // 2} samples: one packet has 960"
        return samples

    with Server(PROGRAM, "serve", "--listen", "127.0.0.1:0", "--model", "smollm2-135m-instruct") as server:
        client = client_of(server)
        await talks_in(client, {"type": "audio/opus", "rate": 48000}, Coder("libopus", 48000), one_packet)
        for name, coder in [("audio/pcmu", "pcm_mulaw"), ("audio/pcma", "pcm_alaw")]:
            await talks_in(client, {"type": name}, Coder(coder, 8000), lambda message, samples: samples)


run([("one raw Opus packet in every message, and G.711", every_format)])
