#!/usr/bin/env python3
"""Pipecat's OpenAI realtime service against our server, unmodified: spoken turns with an interruption on the real models,
a call of a tool on the scripted engine.

SPDX-License-Identifier: Apache-2.0
"""
import asyncio

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.frames.frames import (EndFrame, ErrorFrame, InputAudioRawFrame, LLMRunFrame, StartFrame, TranscriptionFrame,
                                   TTSAudioRawFrame, TTSStoppedFrame, TTSTextFrame)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from harness import (RATE, Server, arguments, at_the_speed_of_speech, clip, loudness, run, silence, tone, word_errors,
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

    async def wait(self, kind, since=0, seconds=40):
        async with asyncio.timeout(seconds):
            while not self.all(kind, since):
                await asyncio.sleep(0.02)
        return self.all(kind, since)[0]


class Talk:
    def __init__(self, server, messages, tools=None, functions=None):
        audio = events.AudioConfiguration(input=events.AudioInput(
            transcription=events.InputAudioTranscription(model="whisper-1"),
            turn_detection=events.TurnDetection(type="server_vad", silence_duration_ms=600)))
        settings = OpenAIRealtimeLLMService.Settings(
            model="default", session_properties=events.SessionProperties(audio=audio))
        self.llm = OpenAIRealtimeLLMService(api_key="none", base_url=server.ws + "/v1/realtime", settings=settings)
        for name, function in (functions or {}).items():
            self.llm.register_function(name, function)
        self.context = LLMContext(messages, tools) if tools else LLMContext(messages)
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

    async def microphone(self, pcm, stop):
        await at_the_speed_of_speech(pcm, self.push, stop)
        while not stop.is_set():
            await at_the_speed_of_speech(silence(200), self.push, stop)


# The default model's answers are over within a second; the public weights under it say enough to be interrupted.
async def speaks_and_is_interrupted():
    with Server(OPTIONS.parley, "serve", "--listen", "127.0.0.1:0", "--model", "smollm2-135m-instruct") as server:
        async with Talk(server, [{"role": "system", "content": "Answer in one or two short sentences."}]) as talk:
            text, pcm = clip("turn_002")
            stop = asyncio.Event()
            speaking = asyncio.create_task(talk.microphone(pcm, stop))
            await talk.after.wait(TTSAudioRawFrame)
            stop.set()
            await speaking
            # The second question begins while the first answer sounds.
            since = len(talk.after.frames)
            second, pcm = clip("turn_004")
            stop = asyncio.Event()
            speaking = asyncio.create_task(talk.microphone(pcm, stop))
            async with asyncio.timeout(60):
                while len(talk.before.all(TranscriptionFrame)) < 2:
                    await asyncio.sleep(0.05)
            heard = [f.text for f in talk.before.all(TranscriptionFrame)]
            await talk.after.wait(TTSStoppedFrame, len(talk.after.frames))
            stop.set()
            await speaking
            assert word_errors(text, heard[0]) <= 0.35 and word_errors(second, heard[1]) <= 0.35, heard
            sound = b"".join(f.audio for f in talk.after.all(TTSAudioRawFrame))
            said = "".join(f.text for f in talk.after.all(TTSTextFrame))
            assert loudness(sound) > 0.01 and words(said), said
            assert len(talk.after.all(TTSAudioRawFrame, since)) > 0, "the second question has no answer"
            errors = talk.after.all(ErrorFrame) + talk.before.all(ErrorFrame)
            assert not errors, errors


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
            stop = asyncio.Event()
            speaking = asyncio.create_task(talk.microphone(silence(1500) + tone(1, 900), stop))
            async with asyncio.timeout(30):
                while "sunny" not in "".join(f.text for f in talk.after.all(TTSTextFrame)):
                    await asyncio.sleep(0.05)
            stop.set()
            await speaking
            assert called == [{"city": "Bonn"}], called
            assert talk.before.all(TranscriptionFrame)[0].text == "What is the weather in Bonn?"
            errors = talk.after.all(ErrorFrame) + talk.before.all(ErrorFrame)
            assert not errors, errors


run([("pipecat: spoken turns with an interruption", speaks_and_is_interrupted),
     ("pipecat: a call of a tool", calls_a_tool)])
