// The loudspeaker, in the audio thread: plays the queue; says every 20 ms how loud it is, what was played, what waits.
// SPDX-License-Identifier: Apache-2.0
import { PlayoutQueue } from './playout_queue.js';

class Playout extends AudioWorkletProcessor {
  queue = new PlayoutQueue(sampleRate);
  energy = 0;
  frames = 0;
  sounded = false; // since the last report
  rest = true; // there was nothing to play at the last report

  constructor() {
    super();
    this.port.onmessage = ({ data: { type, item, samples } }) => {
      if (type === 'sound') this.queue.push(item, samples);
      else if (type === 'finish') this.queue.finish(item);
      else this.port.postMessage({ flushed: true, at: currentTime * 1000, ...this.queue.flush() });
    };
  }

  process(_, [output]) {
    const [out] = output;
    this.sounded = this.queue.pull(out) > 0 || this.sounded;
    for (const sample of out) this.energy += sample * sample;
    for (const channel of output.slice(1)) channel.set(out);
    this.frames += out.length;
    if (this.frames >= sampleRate / 50) this.#report();
    return true;
  }

  #report() {
    const { sounded, queue: { item, playedMs, queuedMs, underruns } } = this;
    const busy = sounded || queuedMs > 0;
    const level = Math.sqrt(this.energy / this.frames);
    if (busy || !this.rest) this.port.postMessage({ at: currentTime * 1000, level, sounded, item, playedMs, queuedMs, underruns });
    this.rest = !busy;
    this.energy = this.frames = 0;
    this.sounded = false;
  }
}

registerProcessor('playout', Playout);
