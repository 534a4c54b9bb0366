#!/usr/bin/env python3
"""Pipecat's OpenAI realtime service against our server, unmodified: spoken turns and text on the real models; an
interruption, a call of a tool and a fresh session after a drop on the scripted engine.

SPDX-License-Identifier: Apache-2.0
"""
import asyncio

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.frames.frames import (BotStoppedSpeakingFrame, EndFrame, ErrorFrame, InputAudioRawFrame, InterruptionFrame,
                                   LLMRunFrame, LLMTextFrame, StartFrame, TranscriptionFrame, TTSAudioRawFrame,
                                   TTSStoppedFrame, TTSTextFrame)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from harness import (RATE, STORY_S, Server, arguments, at_the_speed_of_speech, clip, loudness, run, silence, tone, word_errors,
                     words)

OPTIONS = arguments()


class Notes(FrameProcessor):
    """Writes down every frame that passes."""

    def __init__(self):
        super().__init__()
        self.frames = []

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        await self.push_frame(frame, direction)

    def all(self, kind, since=0):
        return [f for f in self.frames[since:] if isinstance(f, kind)]

    async def wait(self, kind, since=0, seconds=100):
        async with asyncio.timeout(seconds):
            while not self.all(kind, since):
                await asyncio.sleep(0.02)
        return self.all(kind, since)[0]


class Talk:
    def __init__(self, server, messages=(), tools=None, functions=None, modalities=None):
        audio = events.AudioConfiguration(input=events.AudioInput(
            transcription=events.InputAudioTranscription(model="whisper-1"),
            turn_detection=events.TurnDetection(type="server_vad", silence_duration_ms=600)))
        settings = OpenAIRealtimeLLMService.Settings(
            model="default", session_properties=events.SessionProperties(audio=audio,
                                                                              output_modalities=modalities))
        self.llm = OpenAIRealtimeLLMService(api_key="none", base_url=server.ws + "/v1/realtime", settings=settings)
        for name, function in (functions or {}).items():
            self.llm.register_function(name, function)
        self.context = LLMContext(list(messages), tools) if tools else LLMContext(list(messages))
        # Whose turn it is, the service knows; Pipecat's own detector would need onnxruntime.
        pair = LLMContextAggregatorPair(
            self.context, user_params=LLMUserAggregatorParams(user_turn_strategies=ExternalUserTurnStrategies()))
        self.before, self.after = Notes(), Notes()
        pipeline = Pipeline([pair.user(), self.before, self.llm, self.after, pair.assistant()])
        self.worker = PipelineWorker(pipeline, params=PipelineParams(audio_in_sample_rate=RATE,
                                                                     audio_out_sample_rate=RATE))

    async def __aenter__(self):
        self.runner = WorkerRunner(handle_sigint=False)
        await self.runner.add_workers(self.worker)
        self.running = asyncio.create_task(self.runner.run())
        await self.after.wait(StartFrame)
        return self

    async def __aexit__(self, *_):
        await self.worker.queue_frame(EndFrame())
        await asyncio.wait_for(self.running, 20)

    async def push(self, block):
        await self.worker.queue_frame(InputAudioRawFrame(audio=block, sample_rate=RATE, num_channels=1))

    def said(self, since=0):
        return "".join(f.text for f in self.after.all(TTSTextFrame, since))

    async def until(self, condition, seconds=100):
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)

    async def utter(self, pcm, condition):
        """Speaks that, and silence behind it until something is so."""
        stop = asyncio.Event()
        speaking = asyncio.create_task(self.microphone(pcm, stop))
        await self.until(condition)
        stop.set()
        await speaking

    def errors(self):
        return self.after.all(ErrorFrame) + self.before.all(ErrorFrame)

    async def microphone(self, pcm, stop):
        await at_the_speed_of_speech(pcm, self.push, stop)
        while not stop.is_set():
            await at_the_speed_of_speech(silence(200), self.push, stop)


async def speaks_twice():
    with Server(OPTIONS.parley, "serve", "--listen", "127.0.0.1:0") as server:
        async with Talk(server, [{"role": "system", "content": "Answer in one or two short sentences."}]) as talk:
            first, pcm = clip("turn_002")
            await talk.utter(pcm, lambda: talk.after.all(TTSStoppedFrame))
            since = len(talk.after.frames)
            second, pcm = clip("turn_004")
            await talk.utter(pcm, lambda: talk.after.all(TTSStoppedFrame, since))
            heard = [f.text for f in talk.before.all(TranscriptionFrame)]
            assert word_errors(first, heard[0]) <= 0.35 and word_errors(second, heard[1]) <= 0.35, heard
            for begin in (0, since):
                sound = b"".join(f.audio for f in talk.after.all(TTSAudioRawFrame, begin))
                assert loudness(sound) > 0.01 and words(talk.said(begin)), talk.said(begin)
            assert not talk.errors(), talk.errors()


async def is_interrupted_within_a_story():
    with Server(OPTIONS.scripted) as server:
        async with Talk(server) as talk:
            await talk.utter(silence(300) + tone(2, 700), lambda: talk.after.all(TTSAudioRawFrame))
            await at_the_speed_of_speech(silence(1500), talk.push)
            since = len(talk.after.frames)
            await talk.utter(tone(3, 700), lambda: "noon" in talk.said())
            assert [f.text for f in talk.before.all(TranscriptionFrame)] == ["Tell me a long story.", "Stop, what time is it?"]
            assert talk.after.all(InterruptionFrame, since), "nobody was interrupted"
            assert talk.said().startswith("Once upon a time"), talk.said()
            played = sum(len(f.audio) for f in talk.after.all(TTSAudioRawFrame)) / 2 / RATE
            assert played < STORY_S - 2, f"{played} s: the story was played to its end"
            # The service has told what it had played of the story by then, as an error would have shown.
            assert not talk.errors(), talk.errors()


async def writes_its_answers():
    with Server(OPTIONS.parley, "serve", "--listen", "127.0.0.1:0") as server:
        messages = [{"role": "system", "content": "Answer with one word."},
                    {"role": "user", "content": "What is the capital of France?"}]
        async with Talk(server, messages, modalities=["text"]) as talk:
            await talk.worker.queue_frame(LLMRunFrame())
            await talk.until(lambda: "paris" in "".join(f.text for f in talk.after.all(LLMTextFrame)).lower())
            assert not talk.after.all(TTSAudioRawFrame) and not talk.errors(), talk.errors()


# It does not reconnect by itself: its conversation is begun anew, here on another server, as the first one died.
async def begins_anew_after_a_drop():
    with Server(OPTIONS.scripted) as first:
        async with Talk(first) as talk:
            await talk.utter(silence(300) + tone(3, 700), lambda: talk.after.all(TTSStoppedFrame))
            await talk.worker.queue_frame(BotStoppedSpeakingFrame())  # as a loudspeaker says
            await talk.until(lambda: talk.after.all(BotStoppedSpeakingFrame))
            first.process.kill()
            first.process.wait()
            with Server(OPTIONS.scripted, "4", str(first.port)):
                since = len(talk.after.frames)
                await talk.llm.reset_conversation()
                await talk.utter(silence(300) + tone(3, 700), lambda: talk.after.all(TTSStoppedFrame, since))
                assert talk.said(since).strip() == "It is noon.", talk.said(since)
                heard = [f.text for f in talk.before.all(TranscriptionFrame)]
                assert heard == ["Stop, what time is it?"] * 2, heard
                assert not talk.after.all(ErrorFrame, since), talk.errors()


async def calls_a_tool():
    called = []

    async def get_weather(params):
        called.append(dict(params.arguments))
        await params.result_callback({"weather": "sunny"})

    weather = FunctionSchema(name="get_weather", description="The weather of a city.",
                             properties={"city": {"type": "string"}}, required=["city"])
    with Server(OPTIONS.scripted) as server:
        async with Talk(server, [{"role": "system", "content": "Be brief."}], tools=[weather],
                        functions={"get_weather": get_weather}) as talk:
            await talk.worker.queue_frame(LLMRunFrame())
            await talk.utter(silence(1500) + tone(1, 900), lambda: "sunny" in talk.said())
            assert called == [{"city": "Bonn"}], called
            assert talk.before.all(TranscriptionFrame)[0].text == "What is the weather in Bonn?"
            assert not talk.errors(), talk.errors()


run([("pipecat: spoken turns", speaks_twice), ("pipecat: an interruption", is_interrupted_within_a_story),
     ("pipecat: text", writes_its_answers), ("pipecat: a call of a tool", calls_a_tool),
     ("pipecat: begins anew after a drop", begins_anew_after_a_drop)])
