/* The interface's description, /openapi.json, as a page to read and to try. Knows what of OpenAPI 3.1 our file uses. */
import {byId, bytes, h, problemBox, request} from './common.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
let spec;

const resolve = ref => ref.slice(2).split('/').reduce((node, part) => node[part], spec);
const deref = node => node?.$ref ? {...resolve(node.$ref), ...node, name$: node.$ref.split('/').pop(), $ref: undefined} : node ?? {};

/* --- words: the little of Markdown that descriptions use --- */

function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map(part => part.startsWith('`') ? h('code', {}, part.slice(1, -1))
    : part.startsWith('**') ? h('strong', {}, part.slice(2, -2)) : part);
}

function words(text) {
  const blocks = (text ?? '').trim().split(/\n\s*\n/).filter(Boolean);
  return h('div', {class: 'words'}, ...blocks.map(block => {
    if (!block.startsWith('- ')) return h('p', {}, ...inline(block.replaceAll('\n', ' ')));
    return h('ul', {}, ...block.slice(2).split(/\n- /).map(item => h('li', {}, ...inline(item.replaceAll('\n', ' ')))));
  }));
}

/* --- schemas --- */

function range(low, high, unit) {
  if (low === undefined && high === undefined) return '';
  const [from, to] = [low, high].map(n => n?.toLocaleString('en'));
  return ` (${low === undefined ? `up to ${to}` : high === undefined ? `from ${from}` : `${from} … ${to}`}${unit})`;
}

const choicesOf = schema => schema.anyOf ?? schema.oneOf;

const itemsOf = schema => choicesOf(deref(schema.items)) ?? [schema.items];

/* "string or Pair or array (1 … 9 items) of string, of Pair": arrays of one length share their word. */
function kindOfChoices(choices, depth) {
  const texts = choices.map(one => kind(one, depth + 1));
  return texts.map((text, i) => {
    const start = /^array( \(.*?\))? /.exec(text)?.[0];
    return start && texts[i - 1]?.startsWith(start) ? `, ${text.slice(start.length)}` : `${i > 0 ? ' or ' : ''}${text}`;
  }).join('');
}

/* In one line: "array (1 … 64 items) of TensorInput", "string: high, normal or low". */
function kind(node, depth = 0) {
  const schema = deref(node);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (choicesOf(schema)) return kindOfChoices(choicesOf(schema), depth);
  if (schema.enum) return schema.enum.map(value => JSON.stringify(value)).join(', ');
  const type = [schema.type ?? 'anything'].flat().join(' or ');
  if (type.startsWith('array') && schema.items && depth < 4) {
    return `array${range(schema.minItems, schema.maxItems, ' items')} of ${kind(schema.items, depth + 1)}`;
  }
  if (schema.name$ && type === 'object') return schema.name$;
  return type + range(schema.minimum, schema.maximum, '') + range(schema.minLength, schema.maxLength, ' characters');
}

/* What is worth showing below a line: the members of an object, of an array's items, of each choice. */
function inside(node, seen) {
  const schema = deref(node), name = schema.name$;
  if (name && seen.includes(name)) return null;
  const path = name ? [...seen, name] : seen;
  if (schema.properties) return fields(schema, path);
  if (schema.items) return inside(schema.items, path);
  const choices = (choicesOf(schema) ?? []).map(deref), named = new Set(choices.map(one => one.name$).filter(Boolean));
  const isTold = one => one.items && !one.name$ && itemsOf(one).map(deref).every(item => !item.properties || named.has(item.name$));
  const shown = choices.filter(one => !isTold(one)).map(one => [one, inside(one, path)]).filter(([, list]) => list);
  if (shown.length === 1 && !shown[0][0].name$) return shown[0][1];
  return shown.length === 0 ? null : h('div', {}, ...shown.map(([one, list]) =>
    h('details', {open: shown.length === 1}, h('summary', {}, one.name$ ?? kind(one)), one.description && words(one.description), list)));
}

function fields(schema, seen) {
  const must = new Set(schema.required ?? []);
  return h('ul', {class: 'fields'}, ...Object.entries(schema.properties).map(([name, node]) => {
    const member = deref(node), more = inside(node, seen);
    return h('li', {}, h('code', {}, name), ' ', h('span', {class: 'kind'}, kind(node)),
      must.has(name) && h('span', {class: 'must'}, ' required'), member.description && words(member.description), more);
  }));
}

function body(content) {
  return Object.entries(content ?? {}).map(([media, {schema, example, examples, 'x-data': data}]) => {
    const samples = examples ? Object.values(examples).map(one => [one.summary, one.value]) : example !== undefined ? [['', example]] : [];
    return h('div', {}, h('p', {class: 'quiet'}, media, schema && media.includes('json') ? `: ${kind(schema)}` : ''),
      schema && inside(schema, []), data && inside(data, []), ...samples.map(([title, value]) => h('div', {},
        title && h('p', {class: 'quiet'}, title),
        h('pre', {class: 'sample', tabindex: 0}, typeof value === 'string' ? value : JSON.stringify(value, null, 1)))));
  });
}

/* --- operations --- */

function parameters(list) {
  if (list.length === 0) return null;
  return h('div', {}, h('h4', {}, 'Parameters'), h('ul', {class: 'fields'}, ...list.map(p => h('li', {},
    h('code', {}, p.name), ' ', h('span', {class: 'kind'}, `in the ${p.in}: ${kind(p.schema)}`),
    p.required && h('span', {class: 'must'}, ' required'), p.description && words(p.description)))));
}

function responses(map) {
  return h('div', {}, h('h4', {}, 'Answers'), ...Object.entries(map).map(([status, node]) => {
    const {description, content} = deref(node);
    return h('details', {}, h('summary', {}, status === 'default' ? 'else' : status, ' ', h('span', {class: 'quiet'}, ...inline((description ?? '').trim().split('\n\n')[0].replaceAll('\n', ' ')))),
      ...body(content));
  }));
}

/* A socket's frames, both ways: x-frames = {send: schema, receive: schema, example: what to send}. */
function frames(both) {
  return both && h('div', {}, ...[['You send', both.send], ['The server sends', both.receive]].map(([title, schema]) =>
    h('div', {}, h('h4', {}, title), inside(schema, []))));
}

function firstExample(operation) {
  const media = operation.requestBody?.content?.['application/json'];
  const value = media?.example ?? Object.values(media?.examples ?? {})[0]?.value;
  return value === undefined ? '' : JSON.stringify(value, null, 1);
}

async function show(reply, started, where) {
  const length = Number(reply.headers.get('Content-Length'));
  const text = await reply.text();
  const facts = [`${reply.status} ${reply.statusText}`, `${Math.round(performance.now() - started)} ms`, length > 0 && bytes(length), reply.headers.get('Content-Type')];
  let pretty = text;
  try { pretty = JSON.stringify(JSON.parse(text), null, 1); } catch { /* not JSON: as it is */ }
  where.replaceChildren(h('p', {class: 'quiet'}, facts.filter(Boolean).join(' · ')),
    h('pre', {class: 'sample', tabindex: 0}, pretty.length > 20000 ? `${pretty.slice(0, 20000)}\n… (${bytes(pretty.length)} in all)` : pretty));
}

/* A stream never ends: its first lines are shown, then it is left. */
async function showStream(reply, where, left) {
  const out = h('pre', {class: 'sample', tabindex: 0});
  where.replaceChildren(h('p', {class: 'quiet'}, `${reply.status} · the first five seconds of it`), out);
  setTimeout(() => left.abort(), 5000);
  try {
    for (const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();;) {
      const {done, value} = await reader.read();
      if (done) return;
      out.append(value);
    }
  } catch { /* left */ }
}

function tryIt(path, method, operation, list) {
  const result = h('div', {'aria-live': 'polite'}), accept = Object.keys(deref(operation.responses['200']).content ?? {})[0];
  const inputs = list.map(p => [p, h('input', {name: p.name, value: p.example ?? deref(p.schema).examples?.[0] ?? '', required: p.required})]);
  const text = operation.requestBody && h('textarea', {class: 'code', name: 'body', spellcheck: 'false'});
  if (text) text.value = firstExample(operation);
  const send = async event => {
    event.preventDefault();
    let url = path;
    const query = new URLSearchParams();
    for (const [p, input] of inputs) {
      if (p.in === 'path') url = url.replace(`{${p.name}}`, encodeURIComponent(input.value));
      else if (input.value !== '') query.set(p.name, input.value);
    }
    const left = new AbortController(), started = performance.now();
    try {
      const reply = await request(query.size > 0 ? `${url}?${query}` : url, {method: method.toUpperCase(), signal: left.signal,
        headers: {Accept: accept ?? '*/*'}, ...(text && {body: text.value})});
      await (accept === 'text/event-stream' && reply.ok ? showStream(reply, result, left) : show(reply, started, result));
    } catch (problem) {
      result.replaceChildren(problemBox(problem));
    }
  };
  return h('details', {class: 'try'}, h('summary', {}, 'Try it'), h('form', {submit: send},
    ...inputs.map(([p, input]) => h('label', {}, p.name, input)), text && h('label', {}, 'Body', text),
    h('button', {class: 'main'}, 'Send')), result);
}

/* The key as a subprotocol, which is all that a browser's WebSocket can send. */
function protocols() {
  const key = sessionStorage.getItem('heimnetz.key');
  const shown = key && btoa(key).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return ['heimnetz.msp', ...(shown ? [`heimnetz.key.${shown}`] : [])];
}

function trySocket(path, example) {
  const text = h('textarea', {class: 'code', name: 'frame', spellcheck: 'false'}), out = h('pre', {class: 'sample', tabindex: 0, hidden: true});
  let socket = null;
  text.value = JSON.stringify(example, null, 1);
  const told = (mark, line) => {
    out.hidden = false;
    out.append(`${mark} ${line.length > 400 ? `${line.slice(0, 400)}…` : line}\n`);
    out.scrollTop = out.scrollHeight;
  };
  const send = async event => {
    event.preventDefault();
    if (socket?.readyState !== WebSocket.OPEN) {
      await request('/health'); /* asks for a key where one is needed: a socket cannot say that it was refused for that */
      socket = new WebSocket(path, protocols());
      socket.onmessage = message => told('<', message.data);
      socket.onclose = close => told('·', `closed (${close.code})`);
      if (!await new Promise(done => { socket.onopen = () => done(true); socket.onerror = () => done(false); })) return;
    }
    told('>', text.value.replaceAll('\n', ''));
    socket.send(text.value);
  };
  return h('details', {class: 'try'}, h('summary', {}, 'Try it'), h('form', {submit: send}, h('label', {}, 'Frame', text),
    h('div', {class: 'row'}, h('button', {class: 'main'}, 'Send'), h('button', {type: 'button', class: 'plain', click: () => socket?.close()}, 'Close'))), out);
}

function operationOf(path, method, item) {
  const operation = item[method], list = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(deref);
  const open = operation.security?.length === 0, socket = operation['x-frames'];
  return h('article', {id: operation.operationId}, h('div', {class: 'card'},
    h('h3', {}, h('span', {class: `method ${method}`}, socket ? 'SOCKET' : method.toUpperCase()), h('code', {}, path)),
    h('p', {class: 'quiet'}, operation.summary, open ? ' · open, no key' : ''),
    operation.description && words(operation.description), parameters(list),
    operation.requestBody && h('div', {}, h('h4', {}, 'Body'), ...body(operation.requestBody.content)),
    frames(socket), responses(operation.responses), socket ? trySocket(path, socket.example) : tryIt(path, method, operation, list)));
}

function draw() {
  const operations = Object.entries(spec.paths).flatMap(([path, item]) => METHODS.filter(method => item[method]).map(method => ({path, method, item})));
  const sections = spec.tags.map(tag => [tag, operations.filter(o => o.item[o.method].tags[0] === tag.name)]);
  byId('title').textContent = spec.info.title;
  byId('version').textContent = spec.info.version;
  byId('contents').replaceChildren(...sections.flatMap(([tag, list]) => [h('p', {}, tag.name),
    ...list.map(({path, method, item}) => h('a', {href: `#${item[method].operationId}`}, item[method].summary))]));
  byId('main').replaceChildren(h('section', {}, words(spec.info.description)),
    ...sections.map(([tag, list]) => h('section', {'aria-label': tag.name}, h('h2', {}, tag.name), words(tag.description),
      ...list.map(({path, method, item}) => operationOf(path, method, item)))));
  byId('main').removeAttribute('aria-busy');
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

try {
  spec = await (await fetch('/openapi.json')).json();
  draw();
} catch (problem) {
  byId('main').replaceChildren(problemBox(problem));
}
