#!/usr/bin/env python3
"""The published `openai` client on HTTP, unmodified: chat completions, speech, an ephemeral key.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import io
import wave

from harness import Server, arguments, clip, loudness, run, word_errors
from openai_talk import MOST_WRONG, client_of, hear_back

PROGRAM = arguments().parley


async def completes_chats_and_reads_aloud():
    with Server(PROGRAM, "serve", "--listen", "127.0.0.1:0") as server:
        client = client_of(server)
        assert (await client.models.list()).data[0].id
        question = [{"role": "system", "content": "Answer with one word."},
                    {"role": "user", "content": "What is the capital of France?"}]
        whole = await client.chat.completions.create(model="default", messages=question, temperature=0, max_tokens=16)
        assert "paris" in whole.choices[0].message.content.lower(), whole
        assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
        text = ""
        async for chunk in await client.chat.completions.create(model="default", messages=question, temperature=0,
                                                                max_tokens=16, stream=True):
            text += chunk.choices[0].delta.content or ""
        assert text == whole.choices[0].message.content, (text, whole)

        spoken = await client.audio.speech.create(model="default", voice="alloy", input="Good morning. How are you?",
                                                  response_format="wav")
        bytes_of = spoken.read()
        pcm = bytes_of[44:]
        assert bytes_of[:4] == b"RIFF" and loudness(pcm) > 0.01
        back = await hear_back(client, pcm)
        assert word_errors("good morning how are you", back) <= MOST_WRONG, back

        # The same words as a sound, in a chat.
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(24000)
            file.writeframes(clip("turn_002")[1])
        heard = await client.chat.completions.create(model="default", temperature=0, max_tokens=48, messages=[
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {
                "data": base64.b64encode(out.getvalue()).decode(), "format": "wav"}}]}])
        assert "track" in heard.choices[0].message.content.lower(), heard

        secret = await client.realtime.client_secrets.create(session={"type": "realtime", "instructions": "Be brief."})
        async with client_of(server, secret.value).realtime.connect(model="default") as connection:
            created = (await connection.recv()).to_dict()
            assert created["session"]["instructions"] == "Be brief.", created


run([("chat completions, speech, an ephemeral key", completes_chats_and_reads_aloud)])
