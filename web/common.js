/* What both pages need: elements, calls that know the key, text that is pleasant to read. */

/* An element: h('p', {class: 'quiet'}, 'text', child). Properties that are functions become listeners. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter(child => child || child === 0));
  return element;
}

export const byId = id => document.getElementById(id);

export function bytes(n) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (n >= 999.5 && unit < units.length - 1) { n /= 1000; unit++; }
  return `${unit === 0 || n >= 99.5 ? Math.round(n) : n.toPrecision(2)} ${units[unit]}`;
}

export function span(seconds) {
  for (const [name, length] of [['d', 86400], ['h', 3600], ['min', 60]]) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${name}`;
  }
  return `${seconds} s`;
}

/* --- the key --- */

const KEY = 'heimnetz.key';
let asked = null; /* a promise while the dialog is open */
let refused = false; /* "Not now": only what a person does asks again */

/* Asks for a key once for all who wait. True: there is a new one. */
function askKey(why) {
  const dialog = byId('key'), text = byId('key-text');
  asked ??= new Promise(done => {
    byId('key-why').textContent = why;
    const end = () => {
      asked = null;
      refused = dialog.returnValue !== 'use';
      done(!refused);
    };
    dialog.addEventListener('close', end, {once: true});
    dialog.querySelector('form').onsubmit = event => {
      event.preventDefault();
      sessionStorage.setItem(KEY, text.value.trim());
      text.value = '';
      dialog.close('use');
    };
    byId('key-not').onclick = () => dialog.close('');
    dialog.returnValue = '';
    dialog.showModal();
  });
  return asked;
}

/* --- calls --- */

export class Problem extends Error {
  constructor(status, error) {
    super(error.message);
    Object.assign(this, {status, code: error.code, param: error.param, requestId: error.request_id});
  }
}

async function problemOf(reply) {
  try {
    return new Problem(reply.status, (await reply.json()).error);
  } catch {
    return new Problem(reply.status, {code: `http_${reply.status}`, message: `the server answered ${reply.status}`});
  }
}

/* fetch with the key, which is asked for when the server wants one. `background`: not again after "Not now". */
export async function request(path, {background, ...options} = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const headers = {Accept: 'application/json', ...(options.body && {'Content-Type': 'application/json'}), ...options.headers,
      ...(key && {Authorization: `Bearer ${key}`})};
    const reply = await fetch(path, {...options, headers});
    if (reply.status !== 401 || (background && refused)) return reply;
    const problem = await problemOf(reply.clone());
    if (sessionStorage.getItem(KEY) === key && !await askKey(problem.message)) return reply;
  }
}

/* The answer as JSON; a Problem is thrown for what is not 2xx. */
export async function call(path, options) {
  const reply = await request(path, options);
  if (!reply.ok) throw await problemOf(reply);
  return reply.json();
}

/* Server-sent events (WHATWG HTML, 9.2) by fetch, which can send a key. Calls told(data) for each; returns at the end. */
export async function events(path, told, signal) {
  const reply = await request(path, {signal, background: true, headers: {Accept: 'text/event-stream'}});
  if (!reply.ok) throw await problemOf(reply);
  let text = '';
  for (const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();;) {
    const {done, value} = await reader.read();
    if (done) return;
    text += value;
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      const data = text.slice(0, end).split('\n').filter(line => line.startsWith('data:')).map(line => line.slice(5).trim());
      if (data.length > 0) told(JSON.parse(data.join('\n')));
    }
  }
}

export function problemBox(problem) {
  const what = problem instanceof Problem ? problem.code.replaceAll('_', ' ') : 'no answer';
  const text = problem instanceof Problem ? problem.message : 'the server cannot be reached: is it running?';
  return h('div', {class: 'error', role: 'alert'}, h('strong', {}, `${what}: `), text,
    problem.requestId && h('div', {class: 'quiet'}, `request ${problem.requestId}`));
}
