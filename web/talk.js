// What is said, heard, thought and played, as turns on one clock. No socket, no document; time is an argument.
// SPDX-License-Identifier: Apache-2.0
import { HEARD, RATE } from './protocol.js';
import { AUDIBLE, Envelope, InputClock, Stretches } from './clock.js';

const THOUGHT_GAP_MS = 300; // a longer pause begins a new block of thought
const REPORT_MS = 20;
const LETTER_MS = 60; // of speech, about

const newTurn = (item, from) => ({
  you: { item, from, to: null, text: '', final: false, typed: false, heard: [] }, // heard: { at, text }
  thoughts: [], // { from, to, while: 'listening' | 'gap' | 'speaking', text }
  answers: [],
  marks: {}, // name: when, the first time
});

const newAnswer = (response) => ({
  response,
  item: null,
  status: 'in_progress',
  words: [], // { at, offset, text }: when it came, and the ms of the answer's sound where it begins
  receivedMs: 0,
  playedMs: 0,
  queuedMs: 0,
  plays: new Stretches(),
  sounded: null, // when it was first to be heard
  to: null, // last moment so far
  cut: null, // { asked, at, text }: the user interrupted; text is what the server takes for heard
});

export const textOf = (answer) => answer.words.map(({ text }) => text).join('');

// When a word was, or will be, heard; null if it is not known yet, or was cut off.
export function heardAt(answer, { at, offset }) {
  if (answer.cut && offset >= answer.playedMs) return null;
  if (!answer.receivedMs) return at;
  return answer.plays.at(offset) ?? null;
}

export class Talk {
  turns = [];
  mic = new Envelope();
  voice = new Envelope();

  constructor() {
    this.connected();
  }

  // A new session counts from zero, and nothing runs there.
  connected() {
    this.input = new InputClock();
    this.userSpeaks = false;
    if (this.answer?.status === 'in_progress') this.answer.status = 'failed';
  }

  get turn() {
    return this.turns.at(-1);
  }
  get answers() {
    return this.turns.flatMap((turn) => turn.answers);
  }
  get answer() {
    return this.answers.at(-1);
  }

  apply(event, now) {
    HANDLERS[event.type]?.(this, event, now);
  }

  // ---- what happens here

  begin(item, at) {
    const { turn } = this;
    if (turn && !turn.you.text && !turn.answers.length && !turn.marks.turn_end) this.turns.pop(); // came to nothing
    this.turns.push(newTurn(item, at));
    return this.turn;
  }

  end(turn, at, now) {
    this.userSpeaks = false;
    turn.you.to ??= at;
    this.mark('turn_end', now, turn);
  }

  typed(text, now) {
    this.end(this.begin(null, now), now, now);
    Object.assign(this.turn.you, { text, final: true, typed: true });
  }

  played({ item, playedMs, queuedMs, level, sounded }, at) {
    this.voice.push(at - REPORT_MS, level);
    const answer = this.answers.findLast((a) => a.item === item);
    if (!answer || answer.cut) return;
    const step = playedMs - answer.playedMs;
    Object.assign(answer, { playedMs, queuedMs });
    if (!sounded) return;
    answer.plays.add(playedMs - step, at - step);
    answer.to = at;
    if (level > AUDIBLE) answer.sounded ??= at - step;
  }

  // Silent since `at`, because of something at `asked`.
  cut(answer, playedMs, asked, at) {
    Object.assign(answer, { playedMs, queuedMs: 0, to: at, cut: { asked, at, text: null } });
  }

  // ---- what the server says

  turnOf(item, now) {
    const known = this.turns.findLast((t) => t.you.item === item);
    if (known) return known;
    if (this.turn?.you.item !== null) return this.begin(item, now);
    this.turn.you.item = item; // push to talk had none yet
    return this.turn;
  }

  mark(name, at, turn = this.turn) {
    if (turn) turn.marks[name] ??= at;
  }

  think(turn, text, when, at) {
    const last = turn.thoughts.at(-1);
    if (last?.while === when && at - last.to < THOUGHT_GAP_MS) {
      last.text += text;
      last.to = Math.max(last.to, at);
    } else turn.thoughts.push({ from: at, to: at, while: when, text });
  }

  with(response, use) {
    for (const turn of this.turns) for (const answer of turn.answers) if (answer.response === response) use(answer, turn);
  }

  write({ response_id, delta, start_time: start }, now) {
    this.with(response_id, (answer, turn) => {
      // An untimed clause comes before its sound.
      const guess = Math.max(answer.receivedMs, textOf(answer).length * LETTER_MS);
      answer.words.push({ at: now, offset: start === undefined ? guess : start * 1000, text: delta });
      this.mark('first_word', now, turn);
    });
  }

  state(now) {
    const { turn, answer } = this;
    if (answer?.cut && now - answer.cut.at < 1200) return 'interrupted';
    if (this.userSpeaks) return 'hearing';
    if (answer?.queuedMs && answer.playedMs) return 'speaking';
    return turn?.marks.turn_end && (!turn.answers.length || answer.status === 'in_progress') ? 'thinking' : 'listening';
  }

  // The user's first and last sound, by level and nobody's detector.
  voiceOf({ you: { from, to, typed }, marks }) {
    const found = !typed && to !== null && this.mic.voice(from, Math.max(to, marks.turn_end ?? to));
    return found || [from, to];
  }

  // After the user's last sound.
  latencies(turn) {
    const [, end] = this.voiceOf(turn);
    const { turn_end, transcript, first_word } = turn.marks;
    const times = Object.entries({ turn_end, transcript, first_word, sound: turn.answers[0]?.sounded });
    return Object.fromEntries(times.filter(([, at]) => end && at).map(([name, at]) => [name, at - end]));
  }
}

const HANDLERS = {
  'input_audio_buffer.speech_started'(talk, { item_id, audio_start_ms }, now) {
    talk.userSpeaks = true;
    if (!talk.turns.some((t) => t.you.item === item_id)) talk.begin(item_id, talk.input.toPage(audio_start_ms, now));
  },
  'input_audio_buffer.speech_stopped'(talk, { item_id, audio_end_ms }, now) {
    talk.end(talk.turnOf(item_id, now), talk.input.toPage(audio_end_ms, now), now);
  },
  'input_audio_buffer.committed': (talk, { item_id }, now) => talk.end(talk.turnOf(item_id, now), now, now),
  [`${HEARD}.delta`](talk, { item_id, delta }, now) {
    const { you } = talk.turnOf(item_id, now);
    you.text += delta;
    you.heard.push({ at: now, text: delta });
  },
  [`${HEARD}.completed`](talk, { item_id, transcript }, now) {
    const turn = talk.turnOf(item_id, now);
    const { you } = turn;
    const old = you.text.trim();
    const more = transcript.startsWith(old) ? transcript.slice(old.length) : ` → ${transcript}`;
    if (more) you.heard.push({ at: now, text: more });
    Object.assign(you, { text: transcript.trim(), final: true });
    talk.mark('transcript', now, turn);
  },
  [`${HEARD}.failed`]: (talk, { item_id }, now) => Object.assign(talk.turnOf(item_id, now).you, { final: true }),
  'x_parley.thought.delta'(talk, { item_id, delta, while: when, audio_ms }, now) {
    talk.think(talk.turnOf(item_id, now), delta, when, talk.input.toPage(audio_ms, now));
  },
  'x_parley.mark': (talk, { name, audio_ms }, now) => name !== 'done' && talk.mark(name, talk.input.toPage(audio_ms, now)),
  'response.created'(talk, { response }, now) {
    if (response.conversation_id === null) return; // beside this talk
    (talk.turn ?? talk.begin(null, now)).answers.push(newAnswer(response.id));
  },
  'response.reasoning_text.delta'(talk, { response_id, delta }, now) {
    talk.with(response_id, (answer, turn) => talk.think(turn, delta, answer.sounded === null ? 'gap' : 'speaking', now));
  },
  'response.output_audio_transcript.delta': (talk, event, now) => talk.write(event, now),
  'response.output_text.delta': (talk, event, now) => talk.write(event, now),
  'response.output_audio.delta'(talk, { response_id, item_id, delta }) {
    talk.with(response_id, (answer) => {
      answer.item = item_id;
      answer.receivedMs += (delta.length * 375) / RATE; // 4 letters are 3 bytes
    });
  },
  'response.done'(talk, { response }, now) {
    talk.with(response.id, (answer) => {
      answer.status = response.status;
      if (!answer.receivedMs) answer.to ??= now;
    });
  },
  'conversation.item.retrieved'(talk, { item }) {
    const answer = talk.answers.findLast((a) => a.item === item.id);
    if (answer?.cut) answer.cut.text = (item.content ?? []).map((part) => part.transcript ?? part.text ?? '').join('');
  },
};
