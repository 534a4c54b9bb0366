// The sound that waits to be played: starts when enough is there; run dry, it fades and waits for more than before; an
// interruption empties it at once.
// Overload: beyond two minutes new sound is refused and counted.
// SPDX-License-Identifier: Apache-2.0

const START_MS = 60;
const GROW_MS = 40;
const MAX_START_MS = 300;
const FADE_MS = 4;
const MAX_MS = 120000;

export class PlayoutQueue {
  chunks = []; // { item, samples, at, last }
  queued = 0;
  playing = false; // false: waiting for enough
  item = null; // played last,
  played = 0; // and how many frames of it
  fading = new Float32Array(0); // of a sound that was cut
  rising = 0; // frames of fade-in to go
  underruns = 0;
  refused = 0;

  constructor(rate) {
    this.perMs = rate / 1000;
    this.start = START_MS * this.perMs;
    this.fade = Math.round(FADE_MS * this.perMs);
  }

  get playedMs() {
    return this.played / this.perMs;
  }
  get queuedMs() {
    return this.queued / this.perMs;
  }

  push(item, samples) {
    if (this.queued + samples.length > MAX_MS * this.perMs) this.refused += samples.length;
    else if (samples.length) {
      this.chunks.push({ item, samples, at: 0, last: false });
      this.queued += samples.length;
    }
  }

  // The item is complete: it is played to its end without waiting for more.
  finish(item) {
    const own = this.chunks.findLast((chunk) => chunk.item === item);
    if (own) own.last = true;
  }

  // Silence; returns what was playing and how much of it had left.
  flush() {
    if (this.playing) {
      const { samples, at } = this.chunks[0];
      this.fading = samples.slice(at, at + this.fade).map((s, i, all) => s * (1 - (i + 1) / all.length));
    }
    this.chunks = [];
    this.queued = 0;
    this.playing = false;
    return { item: this.item, playedMs: this.playedMs };
  }

  // Fills `out`; returns how many frames of it are sound.
  pull(out) {
    let done = Math.min(out.length, this.fading.length);
    out.set(this.fading.subarray(0, done));
    this.fading = this.fading.subarray(done);
    if (!this.playing && this.queued && (this.queued >= this.start || this.chunks.some((chunk) => chunk.last))) {
      this.playing = true;
      this.rising = this.fade;
    }
    while (this.playing && done < out.length) done += this.#take(out, done);
    out.fill(0, done);
    return done;
  }

  #take(out, from) {
    const [chunk] = this.chunks;
    if (chunk.item !== this.item) {
      this.item = chunk.item;
      this.played = 0;
    }
    const count = Math.min(out.length - from, chunk.samples.length - chunk.at);
    for (let i = 0; i < count; i++) {
      const gain = this.rising ? 1 - this.rising-- / this.fade : 1;
      out[from + i] = chunk.samples[chunk.at + i] * gain;
    }
    chunk.at += count;
    this.played += count;
    this.queued -= count;
    if (chunk.at === chunk.samples.length) this.chunks.shift();
    if (!this.queued) {
      this.playing = false;
      if (!chunk.last) this.#ranDry(out, from, count);
    }
    return count;
  }

  #ranDry(out, from, count) {
    this.underruns++;
    this.start = Math.min(this.start + GROW_MS * this.perMs, MAX_START_MS * this.perMs);
    for (let i = 0; i < count; i++) out[from + i] *= 1 - (i + 1) / count;
  }
}
