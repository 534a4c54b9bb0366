// Runs in the page before its own scripts: what the server sent when, and what really reached the loudspeaker.
// SPDX-License-Identifier: Apache-2.0
(() => {
  const tap = { messages: [], loud: [], quiet: 0, errors: [] };
  globalThis.tap = tap;
  addEventListener('error', (e) => tap.errors.push(e.message));
  addEventListener('unhandledrejection', (e) => tap.errors.push(String(e.reason)));

  const Socket = globalThis.WebSocket;
  globalThis.WebSocket = class extends Socket {
    constructor(...args) {
      super(...args);
      this.addEventListener('message', ({ data }) => {
        const { type } = JSON.parse(data);
        tap.messages.push({ at: performance.now(), type });
      });
    }
  };

  // Every quantum (128 frames) above -50 dBFS at the loudspeaker, on the clock of performance.now().
  const meter = `registerProcessor('tap', class extends AudioWorkletProcessor {
    process([input]) {
      const samples = input[0];
      if (samples && Math.hypot(...samples) / Math.sqrt(samples.length) > 0.00316) this.port.postMessage(currentTime * 1000);
      return true;
    }
  });`;
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target === this.context.destination) {
      const { context } = this;
      let offset = Infinity;
      context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(meter)}`).then(() => {
        const node = new AudioWorkletNode(context, 'tap', { numberOfOutputs: 0 });
        node.port.onmessage = ({ data }) => {
          offset = Math.min(offset, performance.now() - data);
          tap.loud.push(data);
          tap.offset = offset;
        };
        connect.call(this, node);
      }, (e) => tap.errors.push(`tap: ${e}`));
    }
    return connect.call(this, target, ...rest);
  };
})();
