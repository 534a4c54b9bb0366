// A server for tests of the page: serves web/ and speaks the events of the Realtime API. It has no model; when it hears
// a voice, when it stops and what it answers follows from the sound it is sent, so that a page that sends no sound, or
// plays none, fails. The answer is a hum of known loudness, sent at most a second ahead.
// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { accept } from './web_socket.mjs';

const WEB = fileURLToPath(new URL('../../../web/', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const POLICY = "default-src 'self'; connect-src 'self' ws: wss:; worker-src 'self' blob:; media-src 'self' blob:";
const RATE = 24000;

const VOICE = 0.02; // RMS of 20 ms
const ONSET_MS = 100;
const INTERRUPT_MS = 300;
const END_MS = 450;
const AHEAD_MS = 1000;
const CHUNK_MS = 80;

const HEARD = [' How', ' many', ' conference', ' tracks', ' are', ' there,', ' and', ' when', ' are', ' the', ' workshops?'];
const THOUGHTS = [' asks for a number:', ' conference tracks;', ' I know twelve', ' and wants the days', ' of the workshops,', ' which are the 3rd.'];
export const ANSWER = ['There are twelve tracks this year,', ' with three of them', ' on voice alone.', ' The workshops are on the third of June,',
  ' one day before the talks begin,', ' so come early if you want to see them all.'];
export const CLAUSE_MS = 1400;

// A hum with syllables: RMS about 0.2.
function hum(from, count) {
  const samples = Buffer.alloc(2 * count);
  for (let i = 0; i < count; i++) {
    const t = (from + i) / RATE;
    const syllable = 0.55 + 0.45 * Math.sin(2 * Math.PI * 4 * t);
    const voice = Math.sin(2 * Math.PI * 140 * t) + 0.6 * Math.sin(2 * Math.PI * 420 * t) + 0.3 * Math.sin(2 * Math.PI * 1260 * t);
    samples.writeInt16LE(Math.round(32767 * 0.25 * syllable * voice), 2 * i);
  }
  return samples.toString('base64');
}

const now = () => performance.now();

class FakeSession {
  constructor(peer, log, script) {
    Object.assign(this, { peer, log, script, heard: [], count: 0, audioMs: 0, voiceMs: 0, quietMs: 0, item: null, last: null, items: new Map() });
    this.session = {
      type: 'realtime', object: 'realtime.session', id: 'sess_1', model: 'scripted', output_modalities: ['audio'],
      audio: { input: { format: { type: 'audio/pcm', rate: RATE }, turn_detection: { type: 'server_vad' }, transcription: null }, output: { format: { type: 'audio/pcm', rate: RATE }, voice: 'hum' } },
      reasoning: { effort: 'medium' }, include: null,
    };
    peer.onText = (text) => this.receive(JSON.parse(text));
    this.timer = setInterval(() => this.step(), 20);
    peer.onClose = () => clearInterval(this.timer);
    this.send('session.created', { session: this.session });
  }

  send(type, fields) {
    const event = { type, event_id: `event_${++this.count}`, ...fields };
    this.log.push({ at: now(), sent: type, event });
    this.peer.send(JSON.stringify(event));
  }

  receive(event) {
    this.log.push({ at: now(), received: event.type, event: event.type.endsWith('append') ? { type: event.type, bytes: event.audio.length } : event });
    const act = {
      'session.update': () => {
        const { audio, ...rest } = event.session;
        Object.assign(this.session, rest);
        for (const way of ['input', 'output']) Object.assign(this.session.audio[way], audio?.[way]);
        this.send('session.updated', { session: this.session });
      },
      'input_audio_buffer.append': () => this.hear(Buffer.from(event.audio, 'base64')),
      'input_audio_buffer.clear': () => this.send('input_audio_buffer.cleared', {}),
      'input_audio_buffer.commit': () => this.commit(),
      'conversation.item.create': () => this.add({ id: `item_${++this.count}`, ...event.item }),
      'conversation.item.truncate': () => this.send('conversation.item.truncated', { item_id: event.item_id, content_index: 0, audio_end_ms: event.audio_end_ms }),
      'conversation.item.retrieve': () => this.retrieve(event.item_id),
      'response.create': () => this.respond(),
      'response.cancel': () => this.stop('client_cancelled'),
    }[event.type];
    act?.();
  }

  add(item) {
    const previous = this.last;
    this.last = item.id;
    this.items.set(item.id, item);
    for (const type of ['conversation.item.added', 'conversation.item.done']) this.send(type, { previous_item_id: previous, item });
  }

  retrieve(id) {
    const cut = this.log.findLast((e) => e.sent === 'conversation.item.truncated' && e.event.item_id === id);
    const clauses = cut ? Math.floor(cut.event.audio_end_ms / CLAUSE_MS) : ANSWER.length;
    this.send('conversation.item.retrieved', { item: { id, type: 'message', role: 'assistant', content: [{ type: 'output_audio', transcript: ANSWER.slice(0, clauses).join('') }] } });
  }

  // ---- the ear: loudness only ------------------------------------------------------------------------------------

  hear(pcm) {
    const samples = new Int16Array(pcm.buffer, pcm.byteOffset, pcm.length >> 1);
    const ms = (samples.length / RATE) * 1000;
    const loud = Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length) / 32768 > VOICE;
    this.audioMs += ms;
    this.heard.push(samples);
    if (!this.session.audio.input.turn_detection) {
      this.item ??= this.open();
      this.follow();
      return;
    }
    this.voiceMs = loud ? this.voiceMs + ms : this.item ? this.voiceMs : Math.max(0, this.voiceMs - ms);
    this.quietMs = loud ? 0 : this.quietMs + ms;
    if (!this.item && loud && this.voiceMs >= (this.response ? INTERRUPT_MS : ONSET_MS)) {
      if (this.response) this.stop('turn_detected');
      this.item = this.open();
      this.send('input_audio_buffer.speech_started', { audio_start_ms: Math.max(0, Math.round(this.audioMs - this.voiceMs)), item_id: this.item });
    }
    if (!this.item) return;
    this.follow();
    if (this.quietMs < END_MS) return;
    this.send('input_audio_buffer.speech_stopped', { audio_end_ms: Math.round(this.audioMs - this.quietMs), item_id: this.item });
    this.commit();
    this.respond();
  }

  open() {
    this.words = this.thoughts = 0;
    this.began = this.audioMs;
    return `item_${++this.count}`;
  }

  // Words and thoughts while the user speaks.
  follow() {
    const spoken = this.audioMs - this.began;
    if (this.quietMs < 200 && this.words < HEARD.length && spoken > 500 + 260 * this.words) {
      this.send('conversation.item.input_audio_transcription.delta', { item_id: this.item, content_index: 0, delta: HEARD[this.words++] });
    }
    if (this.session.include?.includes('reasoning') && this.thoughts < THOUGHTS.length && spoken > 900 + 420 * this.thoughts) {
      this.send('x_parley.thought.delta', { item_id: this.item, while: 'listening', audio_ms: Math.round(this.audioMs), delta: THOUGHTS[this.thoughts++] });
    }
  }

  commit() {
    const item = this.item ?? this.open();
    this.item = null;
    this.voiceMs = this.quietMs = 0;
    this.send('input_audio_buffer.committed', { item_id: item, previous_item_id: this.last });
    this.add({ id: item, type: 'message', role: 'user', status: 'completed', content: [{ type: 'input_audio', transcript: null }] });
    this.send('conversation.item.input_audio_transcription.completed', { item_id: item, content_index: 0, transcript: HEARD.slice(0, this.words).join('').trim(), usage: { type: 'duration', seconds: 1 } });
  }

  // ---- the mouth --------------------------------------------------------------------------------------------------

  respond() {
    const text = this.session.output_modalities[0] === 'text';
    const id = `resp_${++this.count}`;
    const item = { id: `item_${++this.count}`, object: 'realtime.item', type: 'message', role: 'assistant', status: 'in_progress', content: [] };
    this.response = { id, item, sent: 0, clause: 0, begins: now() + this.script.thinkMs, began: null, text };
    this.send('response.created', { response: { id, object: 'realtime.response', status: 'in_progress', status_details: null, output: [], conversation_id: 'conv_1', usage: null } });
    if (this.session.include?.includes('reasoning')) this.send('response.reasoning_text.delta', { response_id: id, item_id: 'rs_1', content_index: 0, delta: 'Say the number first, then the day.', audio_offset_ms: 0 });
    this.send('response.output_item.added', { response_id: id, output_index: 0, item });
    this.add(item);
    this.part = { response_id: id, item_id: item.id, output_index: 0, content_index: 0 };
    this.send('response.content_part.added', { ...this.part, part: { type: text ? 'text' : 'audio' } });
  }

  step() {
    const run = this.response;
    if (!run || now() < run.begins) return;
    if (run.text) {
      for (const clause of ANSWER) this.send('response.output_text.delta', { ...this.part, delta: clause });
      return this.done('completed', null);
    }
    run.began ??= now();
    const all = ANSWER.length * CLAUSE_MS;
    while (run.sent < all && run.sent - (now() - run.began) < AHEAD_MS) {
      if (run.clause * CLAUSE_MS <= run.sent) {
        if (this.session.include?.includes('reasoning') && run.clause === 2) this.send('response.reasoning_text.delta', { response_id: run.id, item_id: 'rs_1', content_index: 0, delta: 'They may not know the day before.', audio_offset_ms: run.sent });
        this.send('response.output_audio_transcript.delta', { ...this.part, delta: ANSWER[run.clause], start_time: (run.clause * CLAUSE_MS) / 1000 });
        run.clause++;
      }
      this.send('response.output_audio.delta', { ...this.part, delta: hum((run.sent * RATE) / 1000, (CHUNK_MS * RATE) / 1000) });
      run.sent += CHUNK_MS;
    }
    if (run.sent >= all) this.done('completed', null);
  }

  stop(reason) {
    if (this.response) this.done('cancelled', { type: 'cancelled', reason });
    else this.send('error', { error: { type: 'invalid_request_error', code: 'response_cancel_not_active', message: 'Cancellation failed: no active response', param: null, event_id: null } });
  }

  done(status, details) {
    const { id, item, text } = this.response;
    this.response = null;
    if (!text) this.send('response.output_audio.done', this.part);
    item.status = status === 'completed' ? 'completed' : 'incomplete';
    this.send('response.output_item.done', { response_id: id, output_index: 0, item });
    this.send('response.done', { response: { id, object: 'realtime.response', status, status_details: details, output: [item], conversation_id: 'conv_1', usage: null } });
  }
}

// script: { thinkMs, key, busy }. Returns { url, log, sessions, close }.
export async function fakeServer(script = {}) {
  script = { thinkMs: 250, ...script };
  const log = [];
  const sessions = [];
  const http = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://x').pathname;
    const answer = (status, body, headers = {}) => response.writeHead(status, { 'Content-Security-Policy': POLICY, ...headers }).end(body);
    const allowed = !script.key || request.headers.authorization === `Bearer ${script.key}`;
    if (path === '/v1/models') return answer(allowed ? 200 : 401, '{}');
    if (path === '/readyz') return answer(script.busy ? 503 : 200, 'ok', script.busy ? { 'Retry-After': '2' } : {});
    const file = join(WEB, normalize(path === '/' ? '/index.html' : path));
    log.push({ at: now(), asked: path });
    await readFile(file).then((body) => answer(200, body, { 'Content-Type': TYPES[extname(file)] }), () => answer(404, 'not here'));
  });
  http.on('upgrade', (request, socket) => {
    const offered = request.headers['sec-websocket-protocol'] ?? '';
    if (script.busy || (script.key && !offered.includes(`openai-insecure-api-key.${script.key}`))) {
      socket.end(`HTTP/1.1 ${script.busy ? '503 Service Unavailable' : '401 Unauthorized'}\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sessions.push(new FakeSession(accept(request, socket), log, script));
  });
  await new Promise((done) => http.listen(script.port ?? 0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${http.address().port}/`,
    log,
    sessions,
    script,
    close() {
      for (const session of sessions) session.peer.cut();
      http.close();
      http.closeAllConnections();
    },
  };
}

// By hand: node tests/web/support/fake_server.mjs [PORT]
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await fakeServer({ port: Number(process.argv[2] ?? 8090) });
  console.log(`a scripted server with the page: ${url}`);
}
