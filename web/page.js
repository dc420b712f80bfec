/* The start page: models, live, and a box to try them. */
import {Problem, byId, bytes, call, events, h, problemBox, span} from './common.js';

const models = new Map(); /* id -> what GET /models says of it, kept fresh by events */
const BUSY = new Set(['downloading', 'loading', 'warming', 'draining']);
const path = (id, verb) => `/models/${encodeURIComponent(id)}/${verb}`;

/* --- models --- */

function about(m) {
  const size = m.bytes.weights + m.bytes.kv + m.bytes.cache;
  const facts = [m.format, m.backend, m.dimensions && `${m.dimensions} dimensions`,
    m.context_tokens && `${m.context_tokens} tokens`, size > 0 && bytes(size)];
  return [`${facts.filter(Boolean).join(' · ')} `, h('span', {class: 'chips'}, ...m.tasks.map(task => h('span', {class: 'chip'}, task)))];
}

function progress(m) {
  const {done_bytes: done, total_bytes: total} = m.progress;
  const known = total > 0 && (m.state === 'loading' || m.state === 'downloading');
  const bar = h('progress', {'aria-label': `${m.state} ${m.id}`, ...(known && {value: done, max: total})});
  return h('div', {class: 'load'}, bar, known && h('span', {class: 'quiet number'}, `${bytes(done)} of ${bytes(total)}`));
}

/* Its row, made once and filled anew, so that the keyboard's focus stays on its button. */
function rowOf(m) {
  if (!m.row) {
    m.button = h('button', {click: () => toggle(m)});
    m.row = h('li', {}, h('h3', {}, m.id), h('p', {class: 'about quiet'}), h('span', {class: 'state'}), m.button);
  }
  return m.row;
}

function drawModel(m) {
  const row = rowOf(m), on = ['ready', 'loading', 'warming', 'downloading'].includes(m.state);
  row.querySelector('.about').replaceChildren(...about(m));
  const state = row.querySelector('.state');
  state.textContent = m.state === 'available' ? 'not loaded' : m.state;
  state.dataset.state = m.state;
  m.unloads = on;
  m.button.textContent = !on ? 'Load' : m.state === 'ready' ? 'Unload' : 'Cancel';
  m.button.setAttribute('aria-label', `${m.button.textContent} ${m.id}`);
  m.button.setAttribute('aria-disabled', m.state === 'draining'); /* disabled would lose the focus */
  row.querySelectorAll('.load, .error').forEach(old => old.remove());
  if (BUSY.has(m.state)) row.append(progress(m));
  if (m.problem) row.append(problemBox(m.problem));
  else if (m.error && m.state === 'failed') row.append(h('div', {class: 'error'}, m.error));
}

async function toggle(m) {
  if (m.state === 'draining') return;
  m.problem = null;
  try {
    await call(path(m.id, m.unloads ? 'unload' : 'load'), {method: 'POST'});
  } catch (problem) {
    if (problem.code !== 'conflict') m.problem = problem; /* called off by a click: that is no failure */
  }
  refresh();
}

async function pull(event) {
  event.preventDefault();
  const said = byId('pull-said');
  try {
    await call('/hub/pull', {method: 'POST', body: JSON.stringify({id: byId('pull-id').value.trim()})});
    byId('pull').reset();
    said.replaceChildren();
  } catch (problem) {
    said.replaceChildren(problemBox(problem));
  }
  refresh();
}

function put(info) {
  const m = Object.assign(models.get(info.id) ?? {}, info);
  models.set(info.id, m);
  drawModel(m);
}

function drawList() {
  const list = byId('models');
  const rows = [...models.values()].sort((a, b) => a.id.localeCompare(b.id)).map(rowOf);
  if (rows.length !== list.children.length || rows.some((row, i) => row !== list.children[i])) list.replaceChildren(...rows);
  byId('empty').hidden = rows.length > 0;
  byId('try').hidden = rows.length === 0;
  drawChoice();
}

let later = 0;
function refresh() {
  clearTimeout(later);
  later = setTimeout(readModels, 60);
}

async function readModels() {
  try {
    const {models: list, budget} = await call('/models', {background: true});
    const known = new Set(list.map(info => info.id));
    [...models.keys()].filter(id => !known.has(id)).forEach(id => models.delete(id));
    list.forEach(put);
    const limit = budget.limit_bytes > 0 ? ` of ${bytes(budget.limit_bytes)}` : '';
    byId('memory').textContent = `models ${bytes(budget.used_bytes)}${limit} · process ${bytes(budget.resident_bytes)}`;
    drawList();
  } catch (problem) {
    away(problem);
  }
}

function told(event) {
  const m = models.get(event.id);
  if (!m || m.state !== event.state) {
    if (m && event.state !== 'warming') byId('said').textContent = `${event.id}: ${event.state}`;
    refresh();
  }
  if (m) put({id: event.id, state: event.state, progress: event.progress, error: event.error ?? null});
}

/* --- health --- */

function away(problem) {
  const note = byId('away');
  const locked = problem?.status === 401;
  note.hidden = !problem;
  if (!problem) delete note.dataset.locked;
  if (!problem || note.dataset.locked === String(locked)) return;
  note.dataset.locked = locked;
  note.replaceChildren(problem instanceof Problem ? problem.message : 'It does not answer. Trying again…');
  if (locked) note.append(' ', h('button', {click: () => call('/health').then(nudge, () => {})}, 'Enter the key'));
}

async function readHealth() {
  const pill = byId('health');
  try {
    const health = await call('/health', {background: true});
    const words = {ok: 'well', degraded: 'a model failed', failing: 'failing'};
    pill.textContent = `${words[health.status] ?? health.status} · ${health.version} · up ${span(health.uptime_s)}`;
    pill.dataset.state = health.status;
    away();
  } catch (problem) {
    pill.textContent = 'no answer';
    pill.dataset.state = 'failing';
    away(problem);
  }
}

let nudge = () => {}; /* ends the wait below */

async function follow() {
  for (let wait = 500;; wait = Math.min(wait * 2, 8000)) {
    const started = Date.now();
    await readHealth();
    await readModels();
    await events('/models/events', told).catch(() => {});
    if (Date.now() - started > 5000) wait = 500;
    await new Promise(done => {
      nudge = done;
      setTimeout(done, wait);
    });
  }
}

/* --- try it: what each task is asked, and how its answer looks --- */

const lines = text => text.split('\n').map(line => line.trim()).filter(Boolean);
const short = (text, most = 120) => text.length > most ? `${text.slice(0, most)}…` : text;
const TEXTS = ['texts', 'Texts, one a line', 'A cat sits on the mat.\nA kitten rests on the rug.\nThe bank raised its rates.'];

function bar(label, score, [low, high] = [0, 1]) {
  const rail = h('i'), share = (score - low) / (high - low);
  rail.style.width = `${100 * Math.max(0, Math.min(1, share))}%`;
  return h('div', {class: 'bar'}, h('span', {}, label), h('span', {class: 'rail'}, rail),
    h('span', {class: 'number'}, score.toFixed(4)));
}

/* The numbers of a vector as a strip of colour: one hue below zero, one above. */
function strip(vector) {
  const canvas = h('canvas', {class: 'strip', width: vector.length, height: 1, 'aria-hidden': 'true'});
  const style = getComputedStyle(document.documentElement), pen = canvas.getContext('2d');
  const most = Math.max(...vector.map(Math.abs)) || 1;
  vector.forEach((x, i) => {
    pen.globalAlpha = Math.sqrt(Math.abs(x) / most);
    pen.fillStyle = style.getPropertyValue(x < 0 ? '--warm' : '--accent');
    pen.fillRect(i, 0, 1, 1);
  });
  return canvas;
}

const norm = v => Math.hypot(...v);
const cosine = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0) / (norm(a) * norm(b) || 1);

function showVectors(outputs, inputs) {
  return h('ol', {}, ...outputs.map((vector, i) => h('li', {}, h('p', {}, short(inputs[i])), strip(vector),
    h('p', {class: 'quiet number'}, `${vector.length} dimensions · norm ${norm(vector).toFixed(4)} · ` +
      `[${vector.slice(0, 4).map(x => x.toFixed(4)).join(', ')}, …]`),
    i > 0 ? h('p', {class: 'quiet'}, `cosine with the first: ${cosine(outputs[0], vector).toFixed(4)}`) : null)));
}

/* Of a text with several masks there is a list for each. */
const showBars = (outputs, titles, label) => h('ol', {}, ...outputs.map((rows, i) => h('li', {},
  h('p', {class: 'quiet'}, short(titles[i])), ...rows.flat().slice(0, 20).map(row => bar(label(row), row.score)))));

/* Text with pieces marked; start and end count code points, as on the wire. */
function marked(text, pieces) {
  const points = Array.from(text), parts = [];
  let at = 0;
  for (const piece of [...pieces].sort((a, b) => a.start - b.start)) {
    if (piece.start < at) continue;
    parts.push(points.slice(at, piece.start).join(''), h('mark', {}, points.slice(piece.start, piece.end).join(''),
      h('small', {}, piece.label ?? piece.score.toFixed(3))));
    at = piece.end;
  }
  return h('p', {}, ...parts, points.slice(at).join(''));
}

const RANGE = rows => [Math.min(0, ...rows), Math.max(1, ...rows)];

const TASKS = {
  embed: {fields: [TEXTS], show: showVectors},
  classify: {fields: [TEXTS],
    show: (out, inputs) => showBars(out, inputs, row => row.label)},
  'token-classify': {fields: [['texts', 'Texts, one a line', 'Ada Lovelace was born in London.']],
    show: (out, inputs) => h('ol', {}, ...out.map((pieces, i) => h('li', {}, marked(inputs[i], pieces))))},
  'fill-mask': {fields: [['texts', 'Texts with [MASK] or <mask>', 'The capital of France is [MASK].']],
    show: (out, inputs) => showBars(out, inputs, row => row.token)},
  answer: {fields: [['question', 'Question', 'Who wrote it?', 1], ['context', 'Context', 'Ada wrote it in 1843.']],
    inputs: v => ({question: v.question, context: v.context}),
    show: (out, inputs) => h('ol', {}, ...out.map(answer => h('li', {}, h('p', {}, h('strong', {}, answer.text || 'no answer')),
      marked(inputs.context, [answer]))))},
  rerank: {fields: [['query', 'Query', 'How do cats sleep?', 1], TEXTS], inputs: v => ({query: v.query, texts: lines(v.texts)}),
    show: (out, inputs) => h('div', {}, ...out.map(row => bar(inputs.texts[row.index], row.score, RANGE(out.map(r => r.score)))))},
  similarity: {fields: [['source', 'Source', 'A cat sits on the mat.', 1], TEXTS], inputs: v => ({source: v.source, texts: lines(v.texts)}),
    show: (out, inputs) => h('div', {}, ...out.map((score, i) => bar(inputs.texts[i], score)))},
  generate: {fields: [TEXTS], parameters: {max_tokens: 64},
    show: (out, inputs) => h('ol', {}, ...out.map((made, i) => h('li', {}, inputs[i], h('strong', {}, made.text))))},
  raw: {fields: [['tensors', 'Tensors, as JSON', '[{"name": "x", "dtype": "float32", "shape": [1], "data": [1]}]', 0, 'code']],
    inputs: v => ({tensors: JSON.parse(v.tensors)}), show: out => h('pre', {}, JSON.stringify(out, null, 1))},
};

const chosen = () => models.get(byId('model').value);

function options(select, values, label) {
  const old = select.value;
  if ([...select.options].map(o => o.value + o.text).join() === values.map(v => v + label(v)).join()) return;
  select.replaceChildren(...values.map(value => h('option', {value}, label(value))));
  if (values.includes(old)) select.value = old;
}

/* The list of models keeps what was chosen; ready ones come first until somebody chooses. */
function drawChoice() {
  const select = byId('model'), picked = select.value;
  const ids = [...models.values()].sort((a, b) => (b.state === 'ready') - (a.state === 'ready') || a.id.localeCompare(b.id)).map(m => m.id);
  options(select, ids, id => models.get(id).state === 'ready' ? id : `${id} (not loaded)`);
  if (!picked && ids.length > 0) select.value = ids[0];
  drawTasks();
}

/* Before it was loaded once, nobody knows what it can do: '' asks for what it does best. */
function drawTasks() {
  const known = (chosen()?.tasks ?? []).filter(task => TASKS[task]);
  options(byId('task'), known.length > 0 ? known : [''], task => task || 'what it does best');
  drawFields();
}

function drawFields() {
  const task = byId('task').value || 'embed', fields = byId('fields');
  if (fields.dataset.task === task) return;
  fields.dataset.task = task;
  fields.replaceChildren(...TASKS[task].fields.map(([name, label, value, single, kind]) => {
    const field = h(single ? 'input' : 'textarea', {name, class: kind, spellcheck: kind !== 'code' && 'true', rows: single ? undefined : 4});
    field.value = value;
    return h('label', {}, label, field);
  }));
}

function question() {
  const task = byId('task').value, type = TASKS[task || 'embed'];
  const values = Object.fromEntries(new FormData(byId('form')));
  return {model: chosen().id, ...(task && {task}), inputs: type.inputs?.(values) ?? lines(values.texts), parameters: type.parameters};
}

function showAnswer(body, answer) {
  const {usage, timing} = answer;
  const cut = usage.truncated > 0 ? ` · ${usage.truncated} cut to what the model takes` : '';
  return h('div', {class: 'card'}, TASKS[answer.task].show(answer.outputs, body.inputs),
    h('p', {class: 'quiet foot number'}, `${usage.tokens} tokens${cut} · computed in ${timing.compute_ms} ms · waited ${timing.queue_ms} ms`));
}

async function ask(event) {
  event.preventDefault();
  const button = byId('ask'), result = byId('result');
  button.disabled = true;
  result.setAttribute('aria-busy', 'true');
  try {
    const body = question();
    result.replaceChildren(showAnswer(body, await call('/serve', {method: 'POST', body: JSON.stringify(body)})));
  } catch (problem) {
    result.replaceChildren(problem instanceof SyntaxError ? h('div', {class: 'error', role: 'alert'}, `Not JSON: ${problem.message}`) : problemBox(problem));
  }
  button.disabled = false;
  result.removeAttribute('aria-busy');
}

async function copy() {
  const text = JSON.stringify(question()).replaceAll("'", "'\\''");
  const key = sessionStorage.getItem('heimnetz.key') ? ' -H "Authorization: Bearer $HEIMNETZ_API_KEY"' : '';
  const line = `curl ${location.origin}/serve${key} -d '${text}'`;
  try {
    await navigator.clipboard.writeText(line);
    byId('said').textContent = byId('copy').textContent = 'Copied';
    setTimeout(() => { byId('copy').textContent = 'Copy as curl'; }, 1500);
  } catch { /* no clipboard without https or loopback: show it instead */
    byId('result').replaceChildren(h('pre', {class: 'card'}, line));
  }
}

byId('pull').addEventListener('submit', pull);
byId('form').addEventListener('submit', ask);
byId('form').addEventListener('keydown', event => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId('form').requestSubmit();
});
byId('model').addEventListener('change', () => drawTasks(byId('task').replaceChildren()));
byId('task').addEventListener('change', drawFields);
byId('copy').addEventListener('click', copy);
setInterval(() => document.hidden || readHealth(), 10000);
follow();
