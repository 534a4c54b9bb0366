#!/usr/bin/env python3
"""LiveKit's OpenAI realtime plugin against our server, unmodified: spoken turns with an interruption, text, a call of a
tool, and its own reconnection.

SPDX-License-Identifier: Apache-2.0
"""
import asyncio

from livekit import rtc
from livekit.agents import llm
from livekit.plugins import openai
from openai.types.realtime import AudioTranscription
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad

from harness import (RATE, STORY_S, Server, arguments, at_the_speed_of_speech, clip, loudness, run, silence, tone, word_errors,
                     words)

OPTIONS = arguments()


class Talk:
    """A session of the plugin, and what it gave."""

    def __init__(self, server, **options):
        self.model = openai.realtime.RealtimeModel(
            base_url=server.http + "/v1", api_key="none", model="default",
            input_audio_transcription=AudioTranscription(model="whisper-1"), **options)
        self.session = self.model.session()
        self.transcripts, self.errors, self.started, self.reconnected = [], [], 0, 0
        self.sound, self.text, self.calls, self.generations = b"", "", [], 0
        self.tasks = []
        self.session.on("input_audio_transcription_completed",
                        lambda e: self.transcripts.append(e.transcript) if e.is_final else None)
        self.session.on("input_speech_started", self.on_started)
        self.session.on("session_reconnected", self.on_reconnected)
        self.session.on("error", lambda e: self.errors.append(e.error))
        self.raw = []  # events of the server
        self.session.on("openai_server_event_received", self.raw.append)
        self.session.on("generation_created", lambda e: self.tasks.append(asyncio.create_task(self.follow(e))))

    def on_started(self, _):
        self.started += 1

    def on_reconnected(self, _):
        self.reconnected += 1

    async def follow(self, generation):
        self.generations += 1

        async def sound(message):
            async for frame in message.audio_stream:
                self.sound += bytes(frame.data)

        async def text(message):
            async for piece in message.text_stream:
                self.text += str(piece)

        async def messages():
            async for message in generation.message_stream:
                self.message = message.message_id
                await asyncio.gather(sound(message), text(message))

        async def functions():
            async for call in generation.function_stream:
                self.calls.append(call)

        await asyncio.gather(messages(), functions())

    async def push(self, block):
        self.session.push_audio(rtc.AudioFrame(block, RATE, 1, len(block) // 2))

    async def microphone(self, pcm, stop):
        await at_the_speed_of_speech(pcm, self.push, stop)
        while not stop.is_set():
            await at_the_speed_of_speech(silence(200), self.push, stop)

    async def until(self, what, condition, seconds=100):
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"never: {what}; {vars(self)}") from None

    async def close(self):
        await self.session.aclose()
        await self.model.aclose()
        for task in self.tasks:
            task.cancel()


VAD = ServerVad(type="server_vad", silence_duration_ms=600, create_response=True, interrupt_response=True)


async def speaks_twice():
    with Server(OPTIONS.parley, "serve", "--listen", "127.0.0.1:0") as server:
        talk = Talk(server, turn_detection=VAD)
        first, pcm = clip("turn_002")
        stop = asyncio.Event()
        speaking = asyncio.create_task(talk.microphone(pcm, stop))
        await talk.until("sound of the first answer", lambda: talk.sound)
        stop.set()
        await speaking
        second, pcm = clip("turn_004")
        stop = asyncio.Event()
        speaking = asyncio.create_task(talk.microphone(pcm, stop))
        await talk.until("the second transcript", lambda: len(talk.transcripts) >= 2)
        sounded = len(talk.sound)
        await talk.until("sound of the second answer", lambda: len(talk.sound) > sounded + RATE)
        stop.set()
        await speaking
        assert talk.started >= 2
        assert word_errors(first, talk.transcripts[0]) <= 0.35, talk.transcripts
        assert word_errors(second, talk.transcripts[1]) <= 0.35, talk.transcripts
        assert loudness(talk.sound) > 0.01 and words(talk.text), talk.text
        assert not talk.errors, talk.errors
        await talk.close()


async def types_and_reads():
    with Server(OPTIONS.parley, "serve", "--listen", "127.0.0.1:0") as server:
        talk = Talk(server, modalities=["text"], turn_detection=None)
        await talk.session.update_instructions("Answer with one word.")
        chat = llm.ChatContext.empty()
        chat.add_message(role="user", content="What is the capital of France?")
        await talk.session.update_chat_ctx(chat)
        talk.session.generate_reply()
        await talk.until("an answer", lambda: "paris" in talk.text.lower())
        assert not talk.sound and not talk.errors, talk.errors
        await talk.close()


async def is_interrupted_within_a_story():
    with Server(OPTIONS.scripted) as server:
        talk = Talk(server, turn_detection=VAD)
        stop = asyncio.Event()
        speaking = asyncio.create_task(talk.microphone(silence(300) + tone(2, 700), stop))
        await talk.until("sound of the story", lambda: talk.sound)
        stop.set()
        await speaking
        story = talk.message
        await at_the_speed_of_speech(silence(1500), talk.push)
        stop = asyncio.Event()
        speaking = asyncio.create_task(talk.microphone(tone(3, 700), stop))
        await talk.until("the voice is noticed", lambda: talk.started >= 2)
        # As the plugin's own agent does.
        talk.session.interrupt()
        talk.session.truncate(message_id=story, modalities=["audio"], audio_end_ms=1200)
        await talk.until("the answer", lambda: "noon" in talk.text)
        stop.set()
        await speaking
        assert talk.transcripts == ["Tell me a long story.", "Stop, what time is it?"], talk.transcripts
        assert talk.text.startswith("Once upon a time"), talk.text
        assert len(talk.sound) / 2 / RATE < STORY_S - 2, "the story was played to its end"
        done = [e["response"] for e in talk.raw if e["type"] == "response.done"]
        assert done[0]["status"] == "cancelled", done
        assert done[0]["status_details"]["reason"] == "turn_detected", done
        cut = [e for e in talk.raw if e["type"] == "conversation.item.truncated"]
        assert [(e["item_id"], e["audio_end_ms"]) for e in cut] == [(story, 1200)], cut
        assert not talk.errors, talk.errors
        await talk.close()


@llm.function_tool
async def get_weather(city: str) -> str:
    """The weather of a city."""
    return "sunny"


async def calls_a_tool():
    with Server(OPTIONS.scripted) as server:
        talk = Talk(server, turn_detection=VAD)
        await talk.session.update_tools([get_weather])
        stop = asyncio.Event()
        speaking = asyncio.create_task(talk.microphone(silence(300) + tone(1, 900), stop))
        await talk.until("a call", lambda: talk.calls)
        call = talk.calls[0]
        assert call.name == "get_weather" and "Bonn" in call.arguments, call
        # As the plugin's own agent does: a reply is asked for when the response that called is done, not before.
        async with asyncio.timeout(100):
            await asyncio.gather(*talk.tasks)
        chat = talk.session.chat_ctx.copy()
        chat.items.append(llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output="sunny", is_error=False))
        await talk.session.update_chat_ctx(chat)
        talk.session.generate_reply()
        await talk.until("the answer", lambda: "sunny" in talk.text)
        stop.set()
        await speaking
        assert not talk.errors, talk.errors
        await talk.close()


async def comes_back_after_a_drop():
    with Server(OPTIONS.scripted) as server:
        talk = Talk(server, turn_detection=None, modalities=["text"])
        chat = llm.ChatContext.empty()
        chat.add_message(role="user", content="Hello")
        await talk.session.update_chat_ctx(chat)
        talk.session.generate_reply()
        await talk.until("the first answer", lambda: "noon" in talk.text)
        # The server goes, another comes up on the same port: the plugin connects again and replays the chat.
        port = server.port
        server.process.kill()
        server.process.wait()
        with Server(OPTIONS.scripted, "4", str(port)):
            await talk.until("a reconnection", lambda: talk.reconnected > 0)
            talk.text = ""
            talk.session.generate_reply()
            await talk.until("an answer after it", lambda: "noon" in talk.text)
            assert not talk.sound, "text was asked for, also of the other server"
            await talk.close()


run([("livekit: spoken turns", speaks_twice),
     ("livekit: an interruption", is_interrupted_within_a_story),
     ("livekit: text in and out", types_and_reads),
     ("livekit: a call of a tool", calls_a_tool),
     ("livekit: reconnects", comes_back_after_a_drop)])
