// WAV files of one channel and 16 bits, for the fake microphone.
// SPDX-License-Identifier: Apache-2.0
import { readFile, writeFile } from 'node:fs/promises';

export async function readWav(path) {
  const file = await readFile(path);
  for (let at = 12, rate = 0; at + 8 <= file.length; at += 8 + file.readUInt32LE(at + 4)) {
    const name = file.toString('latin1', at, at + 4);
    if (name === 'fmt ') rate = file.readUInt32LE(at + 12);
    if (name === 'data') {
      const size = Math.min(file.readUInt32LE(at + 4), file.length - at - 8);
      return { rate, samples: new Int16Array(file.buffer.slice(file.byteOffset + at + 8, file.byteOffset + at + 8 + size)) };
    }
  }
  throw new Error(`${path}: no sound in it`);
}

export async function writeWav(path, rate, samples) {
  const head = Buffer.alloc(44);
  head.write('RIFF');
  head.writeUInt32LE(36 + 2 * samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(2 * rate, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(2 * samples.length, 40);
  await writeFile(path, Buffer.concat([head, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]));
}

// A file for the microphone: parts are Int16Arrays or milliseconds of silence.
export function join(rate, parts) {
  const all = parts.map((part) => (typeof part === 'number' ? new Int16Array(Math.round((part * rate) / 1000)) : part));
  const whole = new Int16Array(all.reduce((sum, part) => sum + part.length, 0));
  all.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}
