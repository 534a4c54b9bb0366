// One WebSocket, opened again when it is lost; when that is no use, says why and what to do.
// States: closed, connecting, open, waiting (for the next try), refused, locked (wants a key).
// SPDX-License-Identifier: Apache-2.0
import { decode, realtimeUrl, subprotocols } from './protocol.js';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const STEADY_MS = 5000; // then the waits begin anew
const MOST_UNSENT = 1 << 20; // bytes: beyond this, sound is dropped and counted

const WHY = { 1001: 'restarting', 1012: 'restarting', 1013: 'busy' };

export class Connection {
  state = 'closed';
  key = '';
  tries = 0;
  dropped = 0;

  // on: { state(name, why, values), event(event), broken(error) }; why names a sentence, values fill its gaps.
  constructor(page, on, world) {
    Object.assign(this, { page, on, world });
  }

  open() {
    this.#set('connecting');
    const socket = new this.world.WebSocket(realtimeUrl(this.page), subprotocols(this.key));
    let opened = null;
    this.socket = socket;
    socket.onopen = () => {
      opened = this.world.performance.now();
      if (this.socket === socket) this.#set('open');
    };
    socket.onmessage = ({ data }) => this.socket === socket && this.#receive(data);
    socket.onclose = ({ code, reason }) => {
      if (this.socket !== socket) return;
      if (opened && this.world.performance.now() - opened > STEADY_MS) this.tries = 0;
      this.#lost(opened !== null, code, reason);
    };
  }

  close(state = 'closed', why, values) {
    const { socket } = this;
    this.socket = null;
    this.tries = 0;
    this.world.clearTimeout(this.timer);
    socket?.close(1000);
    this.#set(state, why, values);
  }

  send(event) {
    if (this.state !== 'open') return false;
    const full = event.audio && this.socket.bufferedAmount > MOST_UNSENT;
    if (full) this.dropped++;
    else this.socket.send(JSON.stringify(event));
    return !full;
  }

  #set(state, why, values) {
    this.state = state;
    this.on.state(state, why, values);
  }

  #receive(data) {
    try {
      this.on.event(decode(data));
    } catch (error) {
      this.on.broken(error);
    }
  }

  async #lost(wasOpen, code, reason) {
    const { socket } = this;
    let found = { why: WHY[code] ?? 'lost' };
    if (!wasOpen) {
      this.#set('connecting');
      found = await this.#diagnose();
      if (this.socket !== socket) return; // ended, or begun anew, meanwhile
    }
    if (found.locked) return this.close('locked', found.why);
    // Final.
    if ([1000, 1002, 1003, 1008, 1009].includes(code) || code >= 4000) {
      return this.close('refused', 'ended', { reason: reason || code });
    }
    const backoff = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.tries++) * (0.8 + 0.4 * this.world.Math.random());
    const wait = Math.max(backoff, found.wait ?? 0);
    this.#set('waiting', found.why, { seconds: Math.ceil(wait / 1000), host: new URL(this.page).host });
    this.timer = this.world.setTimeout(() => this.open(), wait);
  }

  // A browser does not tell why a socket was refused; a plain request does.
  async #diagnose() {
    const headers = this.key ? { Authorization: `Bearer ${this.key}` } : {};
    const ask = (path) => this.world.fetch(new URL(path, this.page), { headers, cache: 'no-store' });
    try {
      const models = await ask('v1/models');
      if ([401, 403].includes(models.status)) return { locked: true, why: this.key ? 'wrong_key' : 'no_key' };
      const ready = await ask('readyz');
      return ready.ok ? { why: 'lost' } : { why: 'full', wait: 1000 * (Number(ready.headers.get('Retry-After')) || 5) };
    } catch {
      return { why: 'absent' };
    }
  }
}
