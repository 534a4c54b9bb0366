// The server's half of a WebSocket over node's http, for tests: text messages, close, nothing else.
// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

function frame(opcode, payload) {
  const size = payload.length;
  const head = size < 126 ? [size] : size < 65536 ? [126, size >> 8, size & 255] : [127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((s) => (size >>> s) & 255)];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...head]), payload]);
}

// Answers the upgrade and returns { protocols, send(text), close(code, reason), onText, onClose }.
export function accept(request, socket) {
  const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((p) => p.trim()).filter(Boolean);
  const key = createHash('sha1').update(request.headers['sec-websocket-key'] + GUID).digest('base64');
  socket.write(['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${key}`,
    ...(protocols.length ? [`Sec-WebSocket-Protocol: ${protocols[0]}`] : []), '', ''].join('\r\n'));
  socket.setNoDelay(true);
  const peer = {
    protocols,
    open: true,
    onText() {},
    onClose() {},
    send: (text) => peer.open && socket.write(frame(1, Buffer.from(text))),
    close(code = 1000, reason = '') {
      if (!peer.open) return;
      socket.write(frame(8, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)])));
      socket.end();
    },
    cut: () => socket.destroy(),
  };
  let held = Buffer.alloc(0);
  let parts = [];
  socket.on('data', (data) => {
    held = Buffer.concat([held, data]);
    for (;;) {
      if (held.length < 2) return;
      let size = held[1] & 127;
      let at = 2;
      if (size === 126) {
        if (held.length < 4) return;
        size = held.readUInt16BE(2);
        at = 4;
      } else if (size === 127) {
        if (held.length < 10) return;
        size = Number(held.readBigUInt64BE(2));
        at = 10;
      }
      if (held.length < at + 4 + size) return;
      const mask = held.subarray(at, at + 4);
      const payload = Buffer.from(held.subarray(at + 4, at + 4 + size)).map((b, i) => b ^ mask[i & 3]);
      const [final, opcode] = [held[0] & 128, held[0] & 15];
      held = held.subarray(at + 4 + size);
      if (opcode === 8) socket.end(frame(8, payload.subarray(0, 2)));
      if (opcode === 9) socket.write(frame(10, payload));
      if (opcode < 2) parts.push(payload);
      if (opcode < 2 && final) {
        const text = Buffer.concat(parts).toString();
        parts = [];
        peer.onText(text);
      }
    }
  });
  const closed = () => {
    if (peer.open) {
      peer.open = false;
      peer.onClose();
    }
  };
  socket.on('close', closed);
  socket.on('error', closed);
  return peer;
}
