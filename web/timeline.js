// Draws the lanes. The view follows the present while something happens, rests on the last turn, can be moved back.
// SPDX-License-Identifier: Apache-2.0
import { labels, laneItems, lastMoment, seconds } from './timeline_layout.js';

const LANES = { you: 36, hears: 92, thinks: 158, speaks: 256 }; // their tops
const BOTTOM = 352;
const HEIGHT = BOTTOM + 22;
const REST_MS = 1500; // the view stops so long after the last thing that happened
const AHEAD_MS = 1000; // room for sound that waits

export class Timeline {
  back = 0; // ms before the present at which the view is held
  calm = matchMedia('(prefers-reduced-motion: reduce)');

  // moved(away): the view has left the present, or is back.
  constructor(canvas, talk, moved) {
    Object.assign(this, { canvas, talk, moved, pen: canvas.getContext('2d') });
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.resize());
    canvas.onpointerdown = (e) => canvas.setPointerCapture(e.pointerId);
    canvas.onpointermove = (e) => e.buttons && this.move((e.movementX / this.scale) * 1000);
  }

  resize() {
    const dense = devicePixelRatio || 1;
    const style = getComputedStyle(this.canvas);
    this.width = this.canvas.clientWidth;
    this.canvas.width = Math.round(this.width * dense);
    this.canvas.height = Math.round(HEIGHT * dense);
    this.pen.setTransform(dense, 0, 0, dense, 0, 0);
    this.color = {};
    for (const name of ['ink', 'soft', 'line', 'accent', 'tint', 'voice', 'paper']) this.color[name] = style.getPropertyValue(`--${name}`);
    this.family = style.fontFamily;
    this.narrow = this.width < 560;
    this.gutter = this.narrow ? 0 : 76;
    this.scale = this.narrow ? 72 : 112; // pixels per second
    this.dirty = true;
  }

  // Positive is towards the past.
  move(ms) {
    const most = Math.max(0, this.end - this.start);
    this.back = Math.min(most, Math.max(0, this.back + ms));
    this.moved(this.back > 0);
    this.dirty = true;
  }

  // Draws, if there is anything new to see.
  draw(now) {
    const last = lastMoment(this.talk, now);
    const end = Math.min(now, (last ?? -REST_MS) + REST_MS);
    if (!this.width || (!this.dirty && end === this.end)) return;
    this.dirty = false;
    this.end = end;
    this.start = this.talk.turns[0]?.you.from ?? end;
    const span = ((this.width - this.gutter) / this.scale) * 1000;
    // The first turn begins at the left.
    let right = Math.max(end - this.back + AHEAD_MS, this.start - 600 + span);
    if (this.calm.matches) right = Math.ceil(right / (span / 2)) * (span / 2); // turns pages instead of running
    this.from = right - span;
    this.right = right;
    this.x = (t) => this.gutter + ((t - this.from) / 1000) * this.scale;
    const { pen, color } = this;
    pen.clearRect(0, 0, this.width, HEIGHT);
    pen.save();
    pen.beginPath();
    pen.rect(this.gutter, 0, this.width, HEIGHT);
    pen.clip();
    if (last !== null) this.#lanes(now);
    pen.restore();
    for (const [name, top] of Object.entries(LANES)) {
      this.#line(0, top, this.width, top, color.line);
      const y = top + (this.narrow ? 14 : 24);
      pen.fillStyle = color.paper;
      if (this.narrow) pen.fillRect(0, y - 11, 50, 13);
      this.#text(name, 0, y, name === 'thinks' ? color.accent : color.soft, '600 12px');
      if (last === null) this.#text(this.canvas.dataset[name], 84, y, color.soft);
    }
    this.#line(0, BOTTOM, this.width, BOTTOM, color.line);
  }

  #text(text, x, y, color, font = '400 13px') {
    this.pen.font = `${font} ${this.family}`;
    this.pen.fillStyle = color;
    this.pen.fillText(text, x, y);
  }

  #line(x0, y0, x1, y1, color, dash = []) {
    this.pen.setLineDash(dash);
    this.pen.strokeStyle = color;
    this.pen.beginPath();
    this.pen.moveTo(Math.round(x0) + 0.5, Math.round(y0) + 0.5);
    this.pen.lineTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
    this.pen.stroke();
  }

  #bar({ from, to }, y, height, color) {
    this.pen.fillStyle = color;
    this.pen.beginPath();
    this.pen.roundRect(this.x(from), y, Math.max(3, this.x(to) - this.x(from)), height, Math.min(3, height / 2));
    this.pen.fill();
  }

  #lanes(now) {
    const { talk, color } = this;
    for (let s = Math.max(0, Math.ceil((this.from - this.start) / 1000)); this.start + s * 1000 < this.right; s++) {
      const x = this.x(this.start + s * 1000);
      this.#line(x, LANES.you, x, BOTTOM, color.line, [1, 5]);
      this.#text(`${s} s`, x + 4, HEIGHT - 6, color.soft, '400 11px');
    }
    const items = laneItems(talk, this.from, this.right);
    // Where it thinks while the user speaks, the lanes are tied together.
    for (const item of items.thinks) if (item.while === 'listening') this.#bar(item, LANES.you + 1, LANES.thinks + 8 - LANES.you, color.tint);
    this.#wave(talk.mic, LANES.you + 28, 20, color.voice);
    this.#wave(talk.voice, LANES.speaks + 24, 16, color.ink);
    for (const item of items.hears) this.#bar(item, LANES.hears + 6, 3, color.soft);
    for (const item of items.thinks) this.#bar(item, LANES.thinks + 8, 7, color.accent);
    this.#words(items.hears, LANES.hears + 27, color.ink);
    this.#words(items.thinks, LANES.thinks + 33, color.accent, 4);
    this.#words(items.speaks, LANES.speaks + 57, color.ink);
    for (const turn of talk.turns) this.#marks(turn);
    const waits = talk.answer?.queuedMs ?? 0;
    if (waits) this.#bar({ from: now, to: now + waits }, LANES.speaks + 22, 4, color.line);
    if (this.end === now) this.#line(this.x(now), LANES.you, this.x(now), BOTTOM, color.soft);
  }

  #wave(envelope, middle, reach, color) {
    const step = 3000 / this.scale; // three pixels
    this.pen.fillStyle = color;
    for (let t = Math.floor(this.from / step) * step; t < this.right; t += step) {
      // 60 dB over the reach: quiet speech is still to be seen.
      const height = reach * Math.max(0, 1 + Math.log10(envelope.peak(t, t + step)) / 3) ** 1.5;
      if (height > 0.3) this.pen.fillRect(this.x(t), middle - height, 2, 2 * height);
    }
  }

  #words(items, y, color, rows = 3) {
    this.pen.font = `400 13px ${this.family}`;
    for (const { x, lines } of labels(items, this.x, (text) => this.pen.measureText(text).width, rows)) {
      lines.forEach((line, row) => this.#text(line, x, y + row * 17, color));
    }
  }

  // From the user's last sound to the first of the answer; where an answer was cut.
  #marks(turn) {
    const { sound, ...between } = this.talk.latencies(turn);
    const { accent, ink, soft } = this.color;
    if (sound !== undefined) {
      const [, end] = this.talk.voiceOf(turn);
      const [a, b, y] = [this.x(end), this.x(end + sound), LANES.you - 10];
      for (const x of [a, b]) this.#line(x, y, x, BOTTOM, accent, [2, 3]);
      this.#line(a, y, b, y, accent);
      for (const ms of Object.values(between)) this.#bar({ from: end + ms - 20, to: end + ms + 20 }, y - 2, 5, accent);
      this.#text(seconds(sound), a, y - 8, accent, '600 13px');
    }
    for (const { cut } of turn.answers) {
      if (!cut) continue;
      const x = this.x(cut.at);
      this.#line(x, LANES.speaks + 4, x, LANES.speaks + 44, ink);
      this.#text('stopped', x + 5, LANES.speaks + 28, soft, '400 11px');
    }
  }
}
