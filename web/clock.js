// The page has one clock, performance.now(). What brings the others onto it, and loudness on it.
// SPDX-License-Identifier: Apache-2.0

const JUMP_MS = 60;

// A sound that runs evenly but for jumps: each stretch between two says which of its ms was `at` which time.
export class Stretches {
  list = [];

  add(ms, at) {
    const off = Math.abs(this.at(ms) - at);
    if (!(off <= JUMP_MS)) this.list.push({ ms, at });
  }

  // Undefined before the first one.
  at(ms) {
    const known = this.list.findLast((stretch) => stretch.ms <= ms);
    return known && known.at + ms - known.ms;
  }
}

// The server's audio_ms counts sound it was sent, which is not all (muted, push to talk).
export class InputClock {
  total = 0; // ms sent
  captured = new Stretches();

  // A frame of `ms` that was captured until `end` is sent.
  sent(ms, end) {
    this.captured.add(this.total, end - ms);
    this.total += ms;
  }

  // When that was captured, at the latest now; now, if that is not known.
  toPage(audioMs, now) {
    return Math.min(now, this.captured.at(audioMs) ?? now);
  }
}

// Messages of the audio thread come more or less late; the least late of the last seconds counts.
export class AudioClock {
  late = [];

  toPage(audioMs, now) {
    this.late.push(now - audioMs);
    if (this.late.length > 100) this.late.shift();
    return audioMs + Math.min(...this.late);
  }
}

const BIN_MS = 20;
const BINS = 30000; // ten minutes
export const AUDIBLE = 0.00316; // -50 dBFS

// RMS levels, 1 is full scale.
export class Envelope {
  levels = new Float32Array(BINS);
  bins = new Int32Array(BINS).fill(-1);

  push(at, level) {
    const bin = Math.floor(at / BIN_MS);
    this.levels[bin % BINS] = Math.max(this.at(at), level);
    this.bins[bin % BINS] = bin;
  }

  at(time) {
    const bin = Math.floor(time / BIN_MS);
    return this.bins[bin % BINS] === bin ? this.levels[bin % BINS] : 0;
  }

  peak(from, to) {
    let most = 0;
    for (let t = from; t < to; t += BIN_MS) most = Math.max(most, this.at(t));
    return most;
  }

  // [begin, end] of the voice between two times, or null: what is above -50 dBFS and in reach of the loudest.
  voice(from, to) {
    const threshold = Math.max(AUDIBLE, 0.06 * this.peak(from, to));
    let found = null;
    for (let t = Math.floor(from / BIN_MS) * BIN_MS; t < to; t += BIN_MS) {
      if (this.at(t) > threshold) found = [found?.[0] ?? t, t + BIN_MS];
    }
    return found;
  }
}
