// The Realtime API as this page speaks it.
// SPDX-License-Identifier: Apache-2.0

export const RATE = 24000; // of the sound on the wire: PCM16, little endian, mono

// The fields without which an event means nothing here; other fields and types are passed on.
const DELTA = 'response_id item_id delta';
export const HEARD = 'conversation.item.input_audio_transcription';
const REQUIRED = {
  'session.created': 'session',
  'session.updated': 'session',
  'conversation.item.retrieved': 'item',
  'conversation.item.truncated': 'item_id content_index audio_end_ms',
  [`${HEARD}.delta`]: 'item_id delta',
  [`${HEARD}.completed`]: 'item_id transcript',
  [`${HEARD}.failed`]: 'item_id error',
  'input_audio_buffer.speech_started': 'item_id audio_start_ms',
  'input_audio_buffer.speech_stopped': 'item_id audio_end_ms',
  'input_audio_buffer.committed': 'item_id',
  'response.created': 'response',
  'response.done': 'response',
  'response.output_audio.delta': DELTA,
  'response.output_audio.done': 'response_id item_id',
  'response.output_audio_transcript.delta': DELTA,
  'response.output_text.delta': DELTA,
  'response.reasoning_text.delta': 'response_id delta',
  'x_parley.thought.delta': 'item_id delta while audio_ms',
  'x_parley.mark': 'name audio_ms',
  error: 'error',
};

const typeOf = (value) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);
const wanted = (name) => (/_(ms|index)$/.test(name) ? 'number' : /^(session|item|response|error)$/.test(name) ? 'object' : 'string');

// Throws an Error that says what is wrong with the message.
export function decode(text) {
  const event = JSON.parse(text);
  if (typeOf(event) !== 'object' || typeOf(event.type) !== 'string') throw new Error('no event');
  const required = Object.hasOwn(REQUIRED, event.type) ? REQUIRED[event.type].split(' ') : [];
  for (const name of required) {
    if (typeOf(event[name]) !== wanted(name)) throw new Error(`${event.type}: ${name} is ${typeOf(event[name])}, not ${wanted(name)}`);
  }
  return event;
}

export function encodePcm(samples) {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

// An odd last byte is no sample and is left out.
export function decodePcm(base64) {
  const text = atob(base64);
  const bytes = Uint8Array.from({ length: text.length & ~1 }, (_, i) => text.charCodeAt(i));
  return new Int16Array(bytes.buffer);
}

// ---- what the page sends

// mode: open | hold; answers: audio | text. `include` asks for thoughts and marks.
export function sessionUpdate({ mode, effort, voice, speed, answers }) {
  const format = { type: 'audio/pcm', rate: RATE };
  const input = { format, transcription: { model: 'default' }, turn_detection: mode === 'hold' ? null : { type: 'semantic_vad' } };
  const session = {
    type: 'realtime',
    output_modalities: [answers],
    include: ['reasoning'],
    reasoning: { effort },
    audio: { input, output: { format, speed: Number(speed), ...(voice && { voice }) } },
  };
  return { type: 'session.update', session };
}

const ms = (value) => Math.max(0, Math.floor(value));
const item = (event, id) => ({ type: `conversation.item.${event}`, item_id: id });
export const append = (samples) => ({ type: 'input_audio_buffer.append', audio: encodePcm(samples) });
export const commit = () => ({ type: 'input_audio_buffer.commit' });
export const clear = () => ({ type: 'input_audio_buffer.clear' });
export const createResponse = () => ({ type: 'response.create' });
export const cancelResponse = (id) => ({ type: 'response.cancel', response_id: id });
export const truncate = (id, heard) => ({ ...item('truncate', id), content_index: 0, audio_end_ms: ms(heard) });
export const retrieve = (id) => item('retrieve', id);
export const playback = (id, played, queued) => ({ type: 'x_parley.playback', item_id: id, played_ms: ms(played), queued_ms: ms(queued) });
export function message(role, text) {
  const content = [{ type: role === 'user' ? 'input_text' : 'output_text', text }];
  return { type: 'conversation.item.create', item: { type: 'message', role, content } };
}

// A browser can set no header: a key travels as a subprotocol.
export function realtimeUrl(page) {
  const url = new URL('v1/realtime?model=default&include=reasoning', page);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}
export const subprotocols = (key) => ['realtime', ...(key ? [`openai-insecure-api-key.${key}`] : [])];
