// The push panel of the try-it page: builds the body, shows it as a curl line, sends it, shows the answer.

import { $, announce, api, changed, events, info, make } from './common.js';
import { devices } from './devices.js';
import { note_sent } from './travel.js';

const kTargets = {
  user: { label: 'User', value: 'alice' },
  topic: { label: 'Topic', value: 'news' },
  session: { label: 'Session', value: '' },
  all: { label: '', value: '' },
};
const kPayloads = { data: '{"hello": "world"}', text: 'Hello' };
const push_form = $('push');
let target_kind = 'user';
let payload_kind = 'data';

function push_body() {
  const to = target_kind === 'all' ? '{"all":true}' : JSON.stringify({ [target_kind]: $('target').value });
  const value = payload_kind === 'text' ? JSON.stringify($('payload').value) : $('payload').value.trim();
  const event = $('event').value ? `,"event":${JSON.stringify($('event').value)}` : '';
  return `{"to":${to},"${payload_kind}":${value}${event}}`;
}

export function show_push() {
  const quoted = push_body().replaceAll("'", "'\\''");
  const key = info.api_key_required ? ' \\\n  -H "Authorization: Bearer $PUSHWIRE_API_KEY"' : '';
  $('curl').textContent = `curl -sS ${info.api}/v1/push \\\n  -H 'Content-Type: application/json'${key} \\\n  -d '${quoted}'`;
  const fault = payload_fault();
  $('payload').setAttribute('aria-invalid', String(fault !== ''));
  $('payload-hint').textContent = fault || 'Enter sends, Shift+Enter makes a new line.';
  $('payload-hint').dataset.tone = fault ? 'bad' : '';
}

function payload_fault() {
  if (payload_kind === 'text') { return ''; }
  try {
    JSON.parse($('payload').value);
    return '';
  } catch {
    return 'Not JSON yet: for plain words choose Text.';
  }
}

function show_target_choices() {
  const choices = { user: () => devices.map((device) => [device.user, '']), topic: () => devices.flatMap((device) => [...device.topics].map((t) => [t, ''])),
    session: () => devices.filter((device) => device.session).map((device) => [device.session, `${device.name} of ${device.user}`]), all: () => [] };
  const fill = (list, pairs) => list.replaceChildren(...[...new Map(pairs)].map(([value, label]) => {
    const option = make('option', '', label);
    option.value = value;
    return option;
  }));
  fill($('target-list'), choices[target_kind]());
  fill($('user-list'), choices.user());
}

function choose_target(kind) {
  kTargets[target_kind].value = $('target').value;
  target_kind = kind;
  const live = devices.find((device) => device.session);
  if (kind === 'session' && !devices.some((device) => device.session === kTargets.session.value)) { kTargets.session.value = live?.session ?? ''; }
  $('target-label').hidden = kind === 'all';
  $('target-name').textContent = kTargets[kind].label;
  $('target').value = kTargets[kind].value;
  $('target').placeholder = kind === 'session' ? 'connect a device, or paste a session' : '';
  show_target_choices();
}

function choose_payload(kind) {
  kPayloads[payload_kind] = $('payload').value;
  payload_kind = kind;
  $('payload').value = kPayloads[kind];
}

function show_answer(tone, title, text) {
  const answer = $('answer');
  answer.dataset.tone = tone;
  answer.replaceChildren(make('b', '', title), make('code', '', text));
}

async function push() {
  const at = performance.now();
  try {
    const response = await api('POST', '/v1/push', push_body());
    const took = performance.now() - at;
    const text = await response.text();
    if (response.ok) { note_sent(JSON.parse(text).id, at); }
    show_answer(response.ok ? 'good' : 'bad', `${response.status} ${response.ok ? 'accepted' : 'refused'}, ${took.toFixed(1)} ms`, text);
    changed();
  } catch (error) {
    show_answer('bad', 'No answer', error.message);
  }
}

push_form.onsubmit = (event) => {
  event.preventDefault();
  push();
};
push_form.oninput = (event) => {
  if (event.target.name === 'target') { choose_target(event.target.value); }
  if (event.target.name === 'kind') { choose_payload(event.target.value); }
  show_push();
};
// Until somebody chooses a target, it is the user who connects.
$('target').addEventListener('input', () => { $('target').dataset.touched = 'yes'; });
$('user').addEventListener('input', () => {
  if ($('target').dataset.touched || target_kind !== 'user') { return; }
  $('target').value = $('user').value;
  show_push();
});
$('payload').onkeydown = (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) { return; }
  event.preventDefault();
  push_form.requestSubmit();
};
$('copy').onclick = async () => {
  try {
    await navigator.clipboard.writeText($('curl').textContent);
    $('copy').textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren($('curl'));
    $('copy').textContent = 'Selected';
  }
  announce($('copy').textContent);
  setTimeout(() => { $('copy').textContent = 'Copy'; }, 1500);
};

events.addEventListener('changed', show_target_choices);
