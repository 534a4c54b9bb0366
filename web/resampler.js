// Sound from one rate to another: windowed sinc, a row of weights for each phase. Any way of cutting the input gives
// the same output. What push() returns is valid until the next call.
// SPDX-License-Identifier: Apache-2.0

const ROWS = 512; // the usual pairs of rates need fewer; others are rounded to 1/512 of a sample
const ZEROS = 26; // of the sinc, on each side

const gcd = (a, b) => (b ? gcd(b, a % b) : a);

export class Resampler {
  constructor(from, to) {
    const divisor = gcd(from, to);
    this.step = from / divisor; // output n stands at input n * step / phases
    this.phases = to / divisor;
    this.half = Math.ceil(ZEROS * Math.max(1, from / to));
    const rows = Math.min(this.phases, ROWS);
    const cutoff = 0.94 * Math.min(1, to / from);
    this.rows = Array.from({ length: rows }, (_, row) => this.#row(row / rows, cutoff));
    this.output = new Float32Array(0);
    this.reset();
  }

  #row(fraction, cutoff) {
    const weights = Float32Array.from({ length: 2 * this.half }, (_, k) => {
      const t = k - this.half + 1 - fraction;
      const [x, u] = [Math.PI * cutoff * t, (Math.PI * t) / this.half];
      return (x ? Math.sin(x) / x : 1) * (0.42 + 0.5 * Math.cos(u) + 0.08 * Math.cos(2 * u)); // Blackman
    });
    const sum = weights.reduce((a, b) => a + b);
    return weights.map((w) => w / sum);
  }

  reset() {
    this.held = new Float32Array(2 * this.half + 4096);
    this.count = this.half - 1; // zeros stand before the first sample: output 0 is input 0
    this.at = 0; // the next output needs held[at …] and stands `phase` further
    this.phase = 0;
  }

  push(input) {
    if (this.count + input.length > this.held.length) {
      const wider = new Float32Array(2 * (this.count + input.length));
      wider.set(this.held);
      this.held = wider;
    }
    this.held.set(input, this.count);
    this.count += input.length;
    const most = Math.ceil(((this.count + 1) * this.phases) / this.step) + 1;
    if (this.output.length < most) this.output = new Float32Array(most);
    let made = 0;
    while (this.at + 2 * this.half <= this.count) {
      const row = this.rows[Math.floor((this.phase * this.rows.length) / this.phases)];
      let sum = 0;
      for (let k = 0; k < row.length; k++) sum += row[k] * this.held[this.at + k];
      this.output[made++] = sum;
      this.phase += this.step;
      this.at += Math.floor(this.phase / this.phases);
      this.phase %= this.phases;
    }
    const done = Math.min(this.at, this.count);
    this.held.copyWithin(0, done, this.count);
    this.count -= done;
    this.at -= done;
    return this.output.subarray(0, made);
  }

  // What still waits for samples that will not come.
  flush() {
    const rest = this.push(new Float32Array(this.half));
    this.reset();
    return rest;
  }
}
