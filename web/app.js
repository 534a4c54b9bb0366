// The page: binds the document to a Conversation.
// SPDX-License-Identifier: Apache-2.0
import { Audio, microphoneHelp } from './audio.js';
import { Captions, element } from './captions.js';
import { Conversation } from './conversation.js';
import { Timeline } from './timeline.js';
import { seconds, story, thoughtWords } from './timeline_layout.js';

const ui = Object.fromEntries([...document.querySelectorAll('[id]')].map((node) => [node.id, node]));
const holds = () => ui.mode.value === 'hold';
const words = (name) => ui.words.querySelector(`[data-name=${name}]`).textContent;
const levels = { mic: 0, voice: 0 };
let running = false; // Start was pressed
let listening = false; // to the microphone
let changed = true;
let lost = false; // the connection, for now
let lock = null; // the screen stays on

const audio = new Audio({
  frame(frame) {
    levels.mic = Math.max(frame.level, levels.mic);
    conversation.frame(frame);
  },
  tick(report) {
    levels.voice = Math.max(report.level, levels.voice);
    conversation.tick(report);
    changed = true;
  },
  lost() {
    listening = false;
    notice('unplugged');
  },
  running(yes) {
    if (running) notice(!yes && 'paused');
  },
});
const conversation = new Conversation(location.href, audio, {
  state(state, why, values) {
    if (state === 'refused' || state === 'locked') end(false);
    if (state === 'locked') ui.openSettings.click();
    if (why) notice(why, values);
    else if (state === 'open' && lost) notice();
    lost = state === 'waiting' || (lost && state === 'connecting');
    changed = true;
    showButtons();
  },
  changed(event) {
    changed = true;
    const { voice } = event?.session?.audio?.output ?? {};
    if (voice) ui.voice.options[0].text = voice; // the server's own
  },
  error: notice,
});
const { talk } = conversation;
const captions = new Captions(ui.turns, ui.announce);
const view = new Timeline(document.querySelector('canvas'), talk, (away) => (ui.present.hidden = !away));

// All sentences stand in the document; values fill their {gaps}.
function notice(name, values = {}) {
  ui.notice.hidden = !name;
  if (name) ui.notice.firstElementChild.textContent = words(name).replace(/{(\w+)}/g, (_, gap) => values[gap]);
}

async function start() {
  running = true;
  notice();
  ui.welcome.hidden = true;
  conversation.choices = choices();
  conversation.connection.key = ui.key.value.trim();
  try {
    await audio.open();
    await audio.speakThrough(ui.speaker.value);
  } catch (error) {
    notice('silent', error);
  }
  if (!running) return;
  conversation.connection.open();
  await openMicrophone();
  lock = await navigator.wakeLock?.request('screen').catch(() => null);
}

async function openMicrophone() {
  const open = await audio.listen(choices()).then(() => true, (error) => running && notice(...microphoneHelp(error)));
  listening = running && open;
  findDevices();
  showButtons();
}

function end(hangUp = true) {
  running = listening = false;
  if (hangUp) conversation.end();
  audio.close();
  lock?.release();
  levels.mic = levels.voice = 0;
  showButtons();
}

// ---- what is shown

function showButtons() {
  const open = conversation.connection.state === 'open';
  ui.start.textContent = running ? 'End' : 'Start';
  ui.start.classList.toggle('on', running);
  ui.hold.hidden = !running || !holds();
  ui.mute.hidden = !running || holds();
  ui.stop.hidden = ui.levels.hidden = !running;
  ui.hold.disabled = ui.mute.disabled = !open || !listening;
  ui.stop.disabled = !open;
}

function showState(now) {
  let name = conversation.connection.state;
  if (name === 'open') name = talk.state(now);
  if (name === 'listening') name = !listening ? 'typing' : holds() ? 'held' : conversation.muted ? 'muted' : name;
  if (ui.state.dataset.state === name) return;
  ui.state.dataset.state = name;
  ui.state.textContent = words(name);
}

function showLevels() {
  for (const [name, value] of Object.entries(levels)) {
    ui[`${name}Level`].value = value ** 0.35;
    levels[name] *= 0.6;
  }
}

function showLatency() {
  const turn = talk.turns.findLast(({ answers }) => answers.length);
  ui.story.hidden = !talk.turn;
  if (!turn) return;
  const cut = talk.answers.findLast((answer) => answer.cut)?.cut;
  const times = { ...talk.latencies(turn), silent: cut && cut.at - cut.asked };
  const counts = { thought: thoughtWords(turn).listening, gaps: conversation.underruns };
  for (const cell of ui.latency.querySelectorAll('dd')) {
    const { name } = cell.dataset;
    cell.parentElement.hidden = !times[name] && !counts[name];
    cell.textContent = counts[name] ?? seconds(times[name]);
  }
}

function showStory() {
  if (!ui.story.open || !talk.turn) return;
  const cell = (textContent) => element('td', { textContent });
  const row = ({ ms, who, what }) => element('tr', {}, ...[seconds(ms), who, what].map(cell));
  ui.rows.replaceChildren(...story(talk, talk.turn).map(row));
}

let drawn = 0;
let slow = 0;
function frame() {
  requestAnimationFrame(frame);
  const now = performance.now();
  if (now - drawn < 30) return;
  drawn = now;
  view.dirty ||= changed;
  view.draw(now);
  if (now - slow < 100) return;
  slow = now;
  showState(now);
  showLevels();
  if (!changed) return;
  changed = false;
  captions.draw(talk);
  showLatency();
  showStory();
}

// ---- what can be chosen: kept in this browser, but for the key

const CHOICES = ['mode', 'effort', 'voice', 'speed', 'answers', 'microphone', 'cleaning', 'speaker'];
const choices = () => Object.fromEntries(CHOICES.map((id) => [id, ui[id].value]));
let kept = {};
try {
  kept = JSON.parse(localStorage.parley ?? '{}');
} catch { /* no storage, or not ours */ }

function fill(id, devices) {
  const wanted = ui[id].value || kept[id];
  ui[id].length = 1;
  for (const { deviceId, label } of devices) ui[id].add(new Option(label || `Device ${ui[id].length}`, deviceId));
  if (devices.some(({ deviceId }) => deviceId === wanted)) ui[id].value = wanted;
}

async function findDevices() {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const named = (kind) => all.filter((device) => device.kind === kind && device.deviceId && device.deviceId !== 'default');
  fill('microphone', named('audioinput'));
  fill('speaker', named('audiooutput'));
  ui.speaker.parentElement.hidden = !AudioContext.prototype.setSinkId;
}
navigator.mediaDevices?.addEventListener('devicechange', findDevices);

function chosen(id) {
  kept = choices();
  try {
    localStorage.parley = JSON.stringify(kept);
  } catch { /* a private window keeps nothing */ }
  conversation.choose(kept);
  showButtons();
  if (id === 'speaker') audio.speakThrough(kept.speaker).catch((error) => notice('silent', error));
  if (running && (id === 'microphone' || id === 'cleaning')) openMicrophone();
}

for (const id of CHOICES) {
  if (id in kept) ui[id].value = kept[id];
  ui[id].onchange = () => chosen(id);
}

// ---- what can be pressed

ui.start.onclick = () => (running ? end() : start());
ui.stop.onclick = () => conversation.stop();
ui.mute.onclick = () => {
  conversation.mute(!conversation.muted);
  ui.mute.ariaPressed = conversation.muted;
};
ui.openSettings.onclick = () => ui.settings.showModal();
ui.present.onclick = () => view.move(-Infinity);
ui.notice.lastElementChild.onclick = () => notice();
ui.story.ontoggle = showStory;
ui.view.onkeydown = (e) => {
  const ms = { ArrowLeft: 1000, ArrowRight: -1000, Home: Infinity, End: -Infinity }[e.key];
  if (!ms) return;
  e.preventDefault();
  view.move(ms);
};
ui.say.onsubmit = (e) => {
  e.preventDefault();
  const text = ui.text.value.trim();
  if (text && conversation.say(text)) ui.text.value = '';
  else if (text) notice('unsent');
};

// Push to talk: as long as it is held; a short press, as a screen reader makes, holds until the next one.
const TAP_MS = 300;
let pressed;
function hold(down) {
  conversation.hold(down);
  ui.hold.ariaPressed = conversation.held;
  ui.hold.textContent = conversation.held ? 'Let go to send' : 'Hold to talk';
}
function press() {
  pressed = conversation.held ? Infinity : performance.now();
  hold(!conversation.held);
}
const release = () => performance.now() - pressed > TAP_MS && hold(false);
const isPress = (e) => (e.key === ' ' || e.key === 'Enter') && (e.preventDefault(), !e.repeat);
ui.hold.onpointerdown = (e) => e.button === 0 && press();
ui.hold.onpointerup = ui.hold.onpointercancel = release;
ui.hold.onkeydown = (e) => isPress(e) && press();
ui.hold.onkeyup = (e) => isPress(e) && release();
ui.hold.onclick = (e) => e.detail === 0 && press(); // neither pointer nor key
ui.hold.oncontextmenu = (e) => e.preventDefault();

document.onkeydown = (e) => {
  audio.context?.resume();
  if (ui.settings.open || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === 'Escape') conversation.stop();
  if (e.key === 'm' && !e.target.matches('input, select')) ui.mute.click();
};
document.onpointerdown = () => audio.context?.resume();

findDevices();
showButtons();
frame();
