#!/usr/bin/env python3
"""Runs the echo canceller of livekit's Python package (WebRTC's newer one) over the recordings of parley_echo.

    parley_echo --scenes DIR && pip install livekit==1.2.1 && python3 echo_livekit.py DIR && parley_echo --scenes DIR
"""
# SPDX-License-Identifier: Apache-2.0
import array
import pathlib
import sys
import wave

from livekit import rtc

FRAME = 160


def read(path):
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


def main() -> None:
    for mic_path in sorted(pathlib.Path(sys.argv[1]).glob("*.mic.wav")):
        apm = rtc.AudioProcessingModule(echo_cancellation=True, noise_suppression=False, high_pass_filter=True,
                                        auto_gain_control=False)
        mic, far = read(mic_path), read(str(mic_path).replace(".mic.", ".far."))
        out = array.array("h")
        for at in range(0, len(mic) - 2 * FRAME + 1, 2 * FRAME):
            near_frame, far_frame = (rtc.AudioFrame(bytearray(sound[at:at + 2 * FRAME]), 16000, 1, FRAME)
                                     for sound in (mic, far))
            apm.process_reverse_stream(far_frame)
            apm.set_stream_delay_ms(40)
            apm.process_stream(near_frame)
            out.frombytes(bytes(near_frame.data))
        with wave.open(str(mic_path).replace(".mic.", ".livekit."), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(out.tobytes())


if __name__ == "__main__":
    main()
