// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection } from '../../web/connection.js';
import { FakeWorld } from './support/fake_world.mjs';

function bed() {
  const world = new FakeWorld();
  const seen = { states: [], messages: [], events: [], broken: [] };
  const on = {
    state: (name, why, values) => (seen.states.push(name), seen.messages.push(why && [why, values])),
    event: (event) => seen.events.push(event.type),
    broken: (error) => seen.broken.push(error.message),
  };
  return { world, seen, connection: new Connection('http://host:8080/', on, world) };
}

test('it opens, talks and closes', () => {
  const { world, seen, connection } = bed();
  connection.key = 'k';
  connection.open();
  assert.deepEqual(world.socket.protocols, ['realtime', 'openai-insecure-api-key.k']);
  assert.equal(connection.send({ type: 'x' }), false);
  world.socket.opens();
  assert.equal(connection.send({ type: 'x' }), true);
  world.socket.says('response.other');
  connection.close();
  assert.deepEqual(seen.states, ['connecting', 'open', 'closed']);
  assert.equal(world.socket.closed, 1000);
  world.socket.drops(1000);
  world.pass(60000);
  assert.equal(world.sockets.length, 1); // and does not come back
});

test('a message that makes no sense is told, and the next one is heard', () => {
  const { world, seen, connection } = bed();
  connection.open();
  world.socket.opens();
  world.socket.onmessage({ data: '{' });
  world.socket.onmessage({ data: '{"type":"response.created"}' });
  world.socket.says('x.y');
  assert.equal(seen.broken.length, 2);
  assert.match(seen.broken[1], /response is undefined, not object/);
  assert.deepEqual(seen.events, ['x.y']);
});

test('a lost connection comes back, each time later, and says so', async () => {
  const { world, seen, connection } = bed();
  connection.open();
  world.socket.opens();
  world.replies = { '/v1/models': { status: 200 }, '/readyz': { status: 200 } };
  const waits = [];
  for (let i = 0; i < 8; i++) {
    world.socket.drops(1006);
    await world.settle();
    assert.equal(connection.state, 'waiting');
    waits.push([...world.timers.values()][0].at - world.time);
    world.pass(waits.at(-1));
    assert.equal(connection.state, 'connecting');
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  assert.deepEqual(seen.messages.find(Boolean), ['lost', { seconds: 1, host: 'host:8080' }]);
  world.socket.opens();
  world.time += 6000; // long enough to count as well
  world.socket.drops(1012);
  await world.settle();
  assert.deepEqual(seen.messages.at(-1), ['restarting', { seconds: 1, host: 'host:8080' }]);
});

test('a server that is full says when to come back', async () => {
  const { world, seen, connection } = bed();
  world.replies = { '/v1/models': { status: 200 }, '/readyz': { status: 503, headers: { 'Retry-After': '7' } } };
  connection.open();
  world.socket.drops(1006);
  await world.settle();
  assert.deepEqual(seen.messages.at(-1), ['full', { seconds: 7, host: 'host:8080' }]);
  world.pass(6999);
  assert.equal(world.sockets.length, 1);
  world.pass(1);
  assert.equal(world.sockets.length, 2);
});

test('a server that wants a key is not asked again without one', async () => {
  for (const [key, words] of [['', 'no_key'], ['wrong', 'wrong_key']]) {
    const { world, seen, connection } = bed();
    connection.key = key;
    world.replies = { '/v1/models': { status: 401 } };
    connection.open();
    world.socket.drops(1006);
    await world.settle();
    assert.equal(connection.state, 'locked');
    assert.equal(seen.messages.at(-1)[0], words);
    world.pass(60000);
    assert.equal(world.sockets.length, 1);
  }
});

test('nobody there is told, and it goes on trying', async () => {
  const { world, seen, connection } = bed();
  connection.open();
  world.socket.drops(1006);
  await world.settle();
  assert.equal(seen.messages.at(-1)[0], 'absent');
  assert.equal(connection.state, 'waiting');
});

test('an end that the server means is an end', async () => {
  for (const code of [1000, 1002, 1008, 1009, 4001]) {
    const { world, seen, connection } = bed();
    connection.open();
    world.socket.opens();
    world.socket.drops(code, 'the session is an hour old');
    await world.settle();
    assert.equal(connection.state, 'refused', `${code}`);
    assert.deepEqual(seen.messages.at(-1), ['ended', { reason: 'the session is an hour old' }]);
    world.pass(60000);
    assert.equal(world.sockets.length, 1);
  }
});

test('End while it waits, or while it asks why, ends it', async () => {
  const { world, connection } = bed();
  connection.open();
  world.socket.drops(1006);
  connection.close();
  await world.settle();
  assert.equal(connection.state, 'closed');
  connection.open();
  world.socket.drops(1006);
  await world.settle();
  assert.equal(connection.state, 'waiting');
  connection.close();
  world.pass(60000);
  assert.equal(connection.state, 'closed');
  assert.equal(world.sockets.length, 2);
});

test('a socket that takes no more gets no more sound, and everything else', () => {
  const { world, connection } = bed();
  connection.open();
  world.socket.opens();
  world.socket.bufferedAmount = 2 << 20;
  assert.equal(connection.send({ type: 'input_audio_buffer.append', audio: 'AAAA' }), false);
  assert.equal(connection.send({ type: 'response.cancel' }), true);
  assert.equal(connection.dropped, 1);
});
