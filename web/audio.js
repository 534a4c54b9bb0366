// Microphone and loudspeaker: one AudioContext at the device's rate, two worklets. Times are on the page's clock.
// SPDX-License-Identifier: Apache-2.0
import { AudioClock } from './clock.js';
import { RATE } from './protocol.js';
import { Resampler } from './resampler.js';

// [name, values] of the sentence that helps.
export function microphoneHelp({ name, message }, { isSecureContext, location } = globalThis) {
  if (!isSecureContext) return ['insecure', { port: location.port || 80, host: location.hostname }];
  const known = ['NotAllowedError', 'NotFoundError', 'NotReadableError'].includes(name);
  return [known ? name : 'microphone', { message: message || name }];
}

export class Audio {
  // on: { frame({ at, level, pcm }), tick(report), lost() its microphone, running(yes) }
  constructor(on) {
    this.on = on;
  }

  // From a click: browsers start sound only then.
  async open() {
    const context = new AudioContext();
    this.context = context;
    this.clock = new AudioClock();
    context.onstatechange = () => this.on.running(context.state === 'running');
    await Promise.all(['capture', 'playout'].map((name) => context.audioWorklet.addModule(new URL(`${name}_worklet.js`, import.meta.url))));
    this.out = new AudioWorkletNode(context, 'playout', { numberOfInputs: 0, outputChannelCount: [1] });
    this.out.port.onmessage = ({ data }) => this.#report(data);
    this.out.connect(context.destination);
    this.up = new Resampler(RATE, context.sampleRate);
  }

  get latencyMs() {
    return ((this.context?.outputLatency || this.context?.baseLatency) ?? 0) * 1000;
  }

  async listen({ microphone, cleaning }) {
    this.stopListening();
    // A chosen device that is gone is replaced by another.
    const clean = cleaning === 'on';
    const audio = { deviceId: microphone || undefined, channelCount: 1, echoCancellation: clean, noiseSuppression: clean, autoGainControl: clean };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio });
    if (!this.context) return this.stopListening(); // ended meanwhile
    this.stream.getTracks()[0].onended = () => this.on.lost();
    this.capture = new AudioWorkletNode(this.context, 'capture', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
    this.capture.port.onmessage = ({ data }) => this.on.frame({ ...data, at: this.#now(data.at) });
    this.context.createMediaStreamSource(this.stream).connect(this.capture);
  }

  stopListening() {
    this.capture?.port.close();
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = this.capture = null;
  }

  async speakThrough(device) {
    await this.context?.setSinkId?.(device ?? '');
  }

  play(item, pcm) {
    this.#send(item, this.up?.push(Float32Array.from(pcm, (s) => s / 32768)));
  }

  finish(item) {
    this.#send(item, this.up?.flush());
    this.out?.port.postMessage({ type: 'finish', item });
  }

  #send(item, view) {
    const samples = view?.slice();
    this.out?.port.postMessage({ type: 'sound', item, samples }, [samples.buffer]);
  }

  // Silence; resolves to { item, heardMs, at }.
  flush() {
    this.up?.reset();
    return new Promise((done) => {
      this.flushed = done;
      if (this.out) this.out.port.postMessage({ type: 'flush' });
      else done({ item: null });
    });
  }

  #now(audioMs) {
    return this.clock.toPage(audioMs, performance.now());
  }

  #report(data) {
    const late = this.latencyMs;
    (data.flushed ? this.flushed : this.on.tick)({ ...data, at: this.#now(data.at) + late, heardMs: Math.max(0, data.playedMs - late) });
  }

  async close() {
    this.stopListening();
    const { context } = this;
    this.context = this.out = null;
    await context?.close();
  }
}
