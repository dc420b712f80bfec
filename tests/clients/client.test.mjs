/* AetherCore from JavaScript, with what the language brings and, for WebSockets, the package ws: no client library of ours. */
import assert from 'node:assert/strict';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {ROOT, need, start} from '../stack/server.mjs';

const {WebSocket} = need('ws');
const KEY = 'a-key-of-this-test-0123456789';
const auth = {Authorization: `Bearer ${KEY}`};

let server;
before(async () => {
  server = await start({'org/echo': {load_ms: 300}, 'slow': {delay_ms: 400}, 'tiny-bert': join(ROOT, 'tests/data/tiny-bert')}, {env: {HEIMNETZ_API_KEY: KEY}});
});
after(() => server?.stop());

const post = (path, body, options = {}) => fetch(server.url + path, {method: 'POST', headers: auth, body: body && JSON.stringify(body), ...options});

/* One line of GET /metrics. */
async function metric(line) {
  const text = await (await fetch(`${server.url}/metrics`, {headers: auth})).text();
  return Number(text.split('\n').find(one => one.startsWith(`aethercore_${line} `))?.split(' ')[1] ?? 0);
}

/* Yields the data of server-sent events. */
async function* events(path, signal) {
  const reply = await fetch(server.url + path, {headers: auth, signal});
  assert.equal(reply.headers.get('content-type'), 'text/event-stream');
  let text = '';
  for await (const piece of reply.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      const data = text.slice(0, end).split('\n').filter(line => line.startsWith('data: ')).map(line => line.slice(6));
      if (data.length > 0) yield JSON.parse(data.join('\n'));
    }
  }
}

test('the life of a model is told as it happens', async () => {
  const left = new AbortController(), states = [];
  let bytes = -1, steps = 0;
  const loaded = fetch(`${server.url}/models/org%2Fecho/load?wait=true`, {method: 'POST', headers: auth});
  for await (const event of events('/models/org/echo/events', left.signal)) {
    if (states.at(-1) !== event.state) states.push(event.state);
    if (event.state === 'loading' && event.progress.done_bytes > bytes) {
      bytes = event.progress.done_bytes;
      steps++;
    }
    if (event.state === 'ready') break;
  }
  left.abort();
  assert.equal((await loaded).status, 200);
  assert.deepEqual(states.filter(state => state !== 'available' && state !== 'warming'), ['loading', 'ready']);
  assert.ok(steps > 5, `${steps} steps`);
});

test('a hundred questions at once are answered, each with its own', async () => {
  const texts = Array.from({length: 100}, (_, i) => `text ${i}`);
  const alone = await (await post('/serve', {model: 'tiny-bert', inputs: texts})).json();
  const answers = await Promise.all(texts.map(async inputs => (await post('/serve', {model: 'tiny-bert', inputs})).json()));
  answers.forEach((answer, i) => answer.outputs[0].forEach((x, d) => assert.ok(Math.abs(x - alone.outputs[i][d]) < 1e-5)));
});

test('a batch gives each question its own answer, in the order asked', async () => {
  const requests = [{id: 'good', model: 'tiny-bert', inputs: ['a', 'b']}, {id: 'bad', model: 'nosuch', inputs: 'x'},
    {id: 'odd', model: 'tiny-bert', inputs: 7}, {id: 'last', model: 'tiny-bert', inputs: 'c', task: 'embed'}];
  const reply = await post('/serve/batch', {requests});
  assert.equal(reply.status, 200);
  const {results} = await reply.json();
  assert.deepEqual(results.map(r => [r.id, r.status]), [['good', 200], ['bad', 404], ['odd', 400], ['last', 200]]);
  assert.equal(results[0].outputs.length, 2);
  assert.equal(results[1].error.code, 'model_not_found');
  assert.equal(results[2].error.param, 'inputs');
});

test('text comes through in any script', async () => {
  const raw = data => ({model: 'org/echo', inputs: {tensors: [{name: 't', dtype: 'string', shape: [1], data: [data]}]}});
  for (const text of ['Grüße', '日本語', '🏡🌲', 'a\u0000b', 'ü', '\u2028', '"\\/']) {
    const answer = await (await post('/serve', raw(text))).json();
    assert.equal(answer.outputs.tensors[0].data[0], text);
  }
});

test('a client that leaves takes its question along', async () => {
  const raw = {model: 'slow', inputs: {tensors: [{name: 't', dtype: 'int32', shape: [1], data: [1]}]}};
  await post('/serve', raw);
  const left = new AbortController();
  const gone = Array.from({length: 20}, () => post('/serve', raw, {signal: left.signal}));
  setTimeout(() => left.abort(), 100);
  for (const one of await Promise.allSettled(gone)) assert.equal(one.reason.name, 'AbortError');
  const ended = async () => metric('sched_jobs_total{model="slow",result="cancelled"}');
  for (let i = 0; i < 200 && await ended() < 20; i++) await new Promise(done => setTimeout(done, 25));
  assert.equal(await ended(), 20);
  const computed = await metric('sched_run_seconds_sum{model="slow"}'); /* 21 x 0.4 s if nobody had been called off */
  assert.ok(computed < 10 * 0.4, `the engine worked ${computed} s`);
});

/* A socket whose frames are read one by one: await hear(). */
async function openSocket(at, headers = auth) {
  const socket = new WebSocket(`${at.url.replace('http:', 'ws:')}/serve/stream`, 'heimnetz.msp', {headers});
  const heard = [], waiting = [];
  socket.on('message', (data, binary) => {
    assert.equal(binary, false);
    (waiting.shift() ?? (frame => heard.push(frame)))(JSON.parse(data));
  });
  await new Promise((done, failed) => socket.on('open', done).on('error', failed));
  return {socket, say: frame => socket.send(JSON.stringify(frame)),
    hear: () => heard.length > 0 ? heard.shift() : new Promise(done => waiting.push(done))};
}

test('over a socket, items come as they are done, and a cancel ends one question', async () => {
  const {socket, say, hear} = await openSocket(server);
  const raw = {tensors: [{name: 't', dtype: 'int32', shape: [1], data: [1]}]};
  say({type: 'start', id: 'texts', model: 'tiny-bert', inputs: ['a', 'b', 'c']});
  const frames = [await hear(), await hear(), await hear(), await hear()];
  assert.deepEqual(frames.map(frame => frame.type), ['item', 'item', 'item', 'done']);
  assert.deepEqual(frames.slice(0, 3).map(frame => frame.index).sort(), [0, 1, 2]);
  say({type: 'start', id: 'long', model: 'slow', inputs: raw});
  say({type: 'cancel', id: 'long'});
  const end = await hear();
  assert.deepEqual([end.id, end.type, end.error.code], ['long', 'error', 'cancelled']);
  socket.close();
});

test('a server that stops finishes what it began and says goodbye', async () => {
  const own = await start({slow: {delay_ms: 300}});
  const {socket, say, hear} = await openSocket(own, {});
  const closed = new Promise(done => socket.on('close', done));
  say({type: 'start', id: 'last', model: 'slow', inputs: {tensors: [{name: 't', dtype: 'int32', shape: [1], data: [1]}]}});
  while ((await (await fetch(`${own.url}/models/slow`)).json()).state !== 'ready') await new Promise(done => setTimeout(done, 10));
  const stopped = own.stop();
  assert.equal((await hear()).type, 'item');
  assert.equal((await hear()).type, 'done');
  assert.equal(await closed, 1001);
  await stopped;
});

test('errors say what to do, and who may not ask is told how', async () => {
  const missing = await post('/serve', {model: 'tiny-brt', inputs: 'x'});
  assert.equal(missing.status, 404);
  assert.match((await missing.json()).error.message, /tiny-bert/);
  const closed = await fetch(`${server.url}/models`);
  assert.equal(closed.status, 401);
  assert.match(closed.headers.get('www-authenticate'), /^Bearer/);
  assert.equal((await closed.json()).error.code, 'unauthorized');
});
