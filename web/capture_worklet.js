// The microphone, in the audio thread: any rate in, 20 ms of PCM16 at 24 kHz out, with level and time of their end.
// Memory: one buffer is given away with each frame, nothing else is allocated while running.
// SPDX-License-Identifier: Apache-2.0
import { RATE } from './protocol.js';
import { Resampler } from './resampler.js';

const FRAME = RATE / 50;

class Capture extends AudioWorkletProcessor {
  resampler = new Resampler(sampleRate, RATE);
  pcm = new Int16Array(FRAME);
  count = 0;
  energy = 0;

  process([input]) {
    if (!input.length) return true; // nothing is connected
    for (const sample of this.resampler.push(input[0])) {
      const clipped = Math.max(-1, Math.min(1, sample));
      this.pcm[this.count++] = Math.round(clipped * 32767);
      this.energy += clipped * clipped;
      if (this.count === FRAME) this.#send();
    }
    return true;
  }

  #send() {
    const { pcm } = this;
    this.port.postMessage({ at: currentTime * 1000, level: Math.sqrt(this.energy / FRAME), pcm }, [pcm.buffer]);
    this.pcm = new Int16Array(FRAME);
    this.count = this.energy = 0;
  }
}

registerProcessor('capture', Capture);
