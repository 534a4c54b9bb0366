// What a page has of the world, for tests: a clock that stands, sockets that do what the test says, no network.
// SPDX-License-Identifier: Apache-2.0
export class FakeWorld {
  time = 0;
  timers = new Map();
  sockets = [];
  replies = {}; // path → { status, headers } or an Error

  constructor() {
    const world = this;
    this.performance = { now: () => world.time };
    this.Math = { random: () => 0.5 };
    this.WebSocket = class {
      bufferedAmount = 0;
      sent = [];
      constructor(url, protocols) {
        Object.assign(this, { url, protocols });
        world.sockets.push(this);
      }
      send(text) {
        this.sent.push(JSON.parse(text));
      }
      close(code) {
        this.closed = code;
      }
      opens() {
        this.onopen();
      }
      says(type, fields = {}) {
        this.onmessage({ data: JSON.stringify({ type, event_id: 'e', ...fields }) });
      }
      drops(code, reason = '') {
        this.onclose({ code, reason });
      }
      types() {
        return this.sent.map((event) => event.type);
      }
    };
    this.fetch = async (url) => {
      const reply = world.replies[url.pathname] ?? new Error('nobody there');
      if (reply instanceof Error) throw reply;
      return { ok: reply.status === 200, status: reply.status, headers: new Map(Object.entries(reply.headers ?? {})) };
    };
    this.setTimeout = (call, ms) => {
      const id = Symbol('timer');
      world.timers.set(id, { call, at: world.time + ms });
      return id;
    };
    this.clearTimeout = (id) => world.timers.delete(id);
  }

  get socket() {
    return this.sockets.at(-1);
  }

  // Time passes; what was due happens.
  pass(ms) {
    this.time += ms;
    for (const [id, { call, at }] of [...this.timers]) {
      if (at > this.time || !this.timers.delete(id)) continue;
      call();
    }
  }

  // Lets what was promised happen.
  async settle() {
    for (let i = 0; i < 10; i++) await null;
  }
}
