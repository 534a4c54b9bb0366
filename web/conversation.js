// One talk: the only file that knows the connection, the sound and the state.
// SPDX-License-Identifier: Apache-2.0
import { Connection } from './connection.js';
import { Talk, textOf } from './talk.js';
import * as protocol from './protocol.js';

const FRAME_MS = 20;
const PLAYBACK_MS = 100; // between two reports of what was played
const SHORTEST_MS = 100; // a turn
const RACES = /^(response_cancel_not_active|input_audio_buffer_commit_empty|item_(truncate|retrieve)_invalid_item_id)$/;

export class Conversation {
  talk = new Talk();
  choices = {};
  muted = false;
  held = false; // push to talk
  active = null; // the response that is being made
  asks = false; // another one is wanted after it
  unwanted = new Set(); // responses whose late sound is not played

  // audio: as in audio.js. on: { state(name, why, values), changed(event), error(why, values) }
  constructor(page, audio, on, world = globalThis) {
    Object.assign(this, { audio, on, world });
    const broken = ({ message }) => console.warn('ignored an event:', message);
    this.connection = new Connection(page, { state: (...s) => this.#state(...s), event: (e) => this.#event(e), broken }, world);
  }

  get now() {
    return this.world.performance.now();
  }

  #send(event) {
    return this.connection.send(event);
  }

  end() {
    this.#silence();
    this.connection.close();
  }

  choose(choices) {
    // How much it thinks is settled when a talk begins: it begins anew, with what was said.
    const anew = choices.effort !== this.choices.effort && this.connection.state === 'open' && this.talk.turn;
    this.choices = choices;
    this.held &&= choices.mode === 'hold';
    if (!anew) return this.#send(protocol.sessionUpdate(choices));
    this.end();
    this.connection.open();
  }

  mute(muted) {
    this.muted = muted;
    if (muted) this.#send(protocol.clear());
  }

  hold(down) {
    if (down === this.held || this.connection.state !== 'open') return;
    this.held = down;
    if (down) {
      this.stop();
      this.#send(protocol.clear());
      this.talk.begin(null, this.now);
      this.talk.userSpeaks = true;
      this.sentMs = 0;
    } else {
      this.talk.end(this.talk.turn, this.now, this.now);
      if (this.sentMs >= SHORTEST_MS) {
        this.#send(protocol.commit());
        this.#ask();
      } else this.talk.turns.pop();
    }
    this.on.changed();
  }

  say(text) {
    if (this.connection.state !== 'open') return false;
    this.stop();
    this.talk.typed(text, this.now);
    this.#send(protocol.message('user', text));
    this.#ask();
    this.on.changed();
    return true;
  }

  stop() {
    if (this.active) this.#send(protocol.cancelResponse(this.active));
    return this.#silence();
  }

  // One response at a time.
  #ask() {
    this.asks = this.active !== null;
    if (!this.asks) this.#send(protocol.createResponse());
  }

  // ---- sound

  frame({ at, level, pcm }) {
    const wanted = this.choices.mode === 'hold' ? this.held : !this.muted;
    this.talk.mic.push(at - FRAME_MS, wanted ? level : 0);
    if (!wanted || !this.#send(protocol.append(pcm))) return;
    this.talk.input.sent(FRAME_MS, at);
    this.sentMs += FRAME_MS;
  }

  tick(report) {
    this.talk.played(report, report.at);
    this.underruns = report.underruns;
    if (report.queuedMs && this.now - (this.told ?? 0) < PLAYBACK_MS) return;
    this.told = this.now;
    this.#send(protocol.playback(report.item, report.heardMs, report.queuedMs));
  }

  // Empties the playout and tells the server how much was heard.
  async #silence() {
    const asked = this.now;
    const { answer } = this.talk;
    const unheard = answer?.receivedMs && !answer.cut && (answer.status === 'in_progress' || answer.queuedMs);
    if (answer?.status === 'in_progress') this.unwanted.add(answer.response);
    const { item, heardMs, at } = await this.audio.flush();
    if (!unheard) return;
    const heard = item === answer.item ? heardMs : 0;
    this.talk.cut(answer, heard, asked, at ?? asked);
    this.#send(protocol.truncate(answer.item, heard));
    this.on.changed();
  }

  // ---- the server

  #state(state, why, values) {
    this.held = false;
    if (state === 'open') {
      this.talk.connected();
      this.active = null;
      this.asks = false;
      this.#send(protocol.sessionUpdate(this.choices));
      // What was said, as far as it was heard.
      const tell = (role, text) => text.trim() && this.#send(protocol.message(role, text));
      for (const { you, answers } of this.talk.turns) {
        tell('user', you.text);
        for (const answer of answers) tell('assistant', answer.cut?.text ?? textOf(answer));
      }
    }
    this.on.state(state, why, values);
  }

  #event(event) {
    this.talk.apply(event, this.now);
    this.#react(event);
    this.on.changed(event);
  }

  #react({ type, item_id, response_id, delta, response, error }) {
    if (type === 'input_audio_buffer.speech_started') this.#silence();
    if (type === 'response.created' && response.conversation_id !== null) this.active = response.id;
    const wanted = !this.unwanted.has(response_id);
    if (type === 'response.output_audio.delta' && wanted) this.audio.play(item_id, protocol.decodePcm(delta));
    if (type === 'response.output_audio.done' && wanted) this.audio.finish(item_id);
    if (type === 'conversation.item.truncated') this.#send(protocol.retrieve(item_id)); // what it counts as heard
    if (type === 'error' && !RACES.test(error.code)) this.on.error('server', error);
    if (type === 'response.done' && response.id === this.active) {
      this.active = null;
      if (response.status === 'failed') this.on.error('failed', { message: response.status_details?.error?.message });
      if (this.asks) this.#ask();
    }
  }
}
