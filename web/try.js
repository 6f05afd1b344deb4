// The try-it page: sessions of a user, counters of the node, and the once-a-second poll that keeps both fresh.
// The other parts are devices.js (WebSocket clients) and push.js (a caller of the API).

import { $, api, events, info, make } from './common.js';
import { show_limit } from './devices.js';
import { show_push } from './push.js';

const kPollMs = 1000;
const kSamples = 60;

// ---- sessions ----

const session_rows = new Map();

function ago(time) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
  if (seconds < 60) { return `${seconds} s`; }
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

function session_row(user, session) {
  const row = make('li');
  const kick = make('button', 'quiet danger', 'Kick');
  row.dataset.testid = 'session';
  row.dataset.session = session.session;
  kick.type = 'button';
  kick.dataset.testid = 'kick';
  kick.setAttribute('aria-label', `Kick ${session.device || 'unnamed device'} of ${user}`);
  kick.onclick = async () => {
    kick.disabled = true;
    await api('DELETE', `/v1/users/${encodeURIComponent(user)}/sessions/${encodeURIComponent(session.session)}`).catch(() => {});
    (row.nextElementSibling?.querySelector('button') ?? $('sessions-user')).focus();
    poll_soon();
  };
  row.append(make('div', 'name', session.device || 'unnamed device'), make('div', 'facts'), kick);
  return row;
}

function show_sessions(user, answer) {
  const list = $('sessions');
  if (!answer?.sessions?.length) {
    session_rows.clear();
    const text = answer?.error ? answer.error.message : user ? `${user} has no connection. Connect a device above, or enter another user.` : 'Enter a user.';
    if (list.querySelector('.empty')?.textContent !== text) { list.replaceChildren(make('li', 'empty', text)); }
    return;
  }
  list.querySelector('.empty')?.remove();
  const present = new Set(answer.sessions.map((session) => session.session));
  for (const [id, row] of session_rows) {
    if (!present.has(id)) { row.remove(); session_rows.delete(id); }
  }
  for (const session of answer.sessions) {
    if (!session_rows.has(session.session)) {
      session_rows.set(session.session, session_row(user, session));
      list.append(session_rows.get(session.session));
    }
    const topics = session.topics.length ? ` · ${session.topics.join(', ')}` : '';
    session_rows.get(session.session).querySelector('.facts').textContent =
      `${session.session.slice(0, 8)}… · ${session.remote} · since ${ago(session.connected_at)} · heard ${ago(session.last_seen_at)} ago${topics}`;
  }
}

$('sessions-user').oninput = () => {
  $('sessions-user').dataset.touched = 'yes';
  poll_soon();
};
$('user').addEventListener('input', () => {
  if ($('sessions-user').dataset.touched) { return; }
  $('sessions-user').value = $('user').value;
  poll_soon();
});

// ---- counters ----

const kCounters = [
  { name: 'connections', label: 'Connections', total: false }, { name: 'users', label: 'Users', total: false }, { name: 'topics', label: 'Topics', total: false },
  { name: 'deliveries', label: 'Deliveries', total: true }, { name: 'drops', label: 'Drops', total: true }, { name: 'evictions', label: 'Displaced', total: true },
];
const kSvg = 'http://www.w3.org/2000/svg';

for (const counter of kCounters) {
  const cell = make('div', 'counter');
  const chart = document.createElementNS(kSvg, 'svg');
  cell.dataset.testid = `counter-${counter.name}`;
  counter.value = make('dd', 'value', '–');
  counter.value.dataset.testid = `counter-${counter.name}-value`;
  counter.rate = make('dd', 'rate', '');
  counter.area = document.createElementNS(kSvg, 'polygon');
  counter.line = document.createElementNS(kSvg, 'polyline');
  counter.samples = [];
  counter.cell = cell;
  chart.setAttribute('viewBox', `0 0 ${kSamples - 1} 20`);
  chart.setAttribute('preserveAspectRatio', 'none');
  chart.setAttribute('aria-hidden', 'true');
  chart.append(counter.area, counter.line);
  cell.append(make('dt', '', counter.label), counter.value, counter.rate, chart);
  $('counters').append(cell);
}

// Gauges are drawn as they are, totals by how much they grew since the sample before.
function show_counter(counter, now, seconds) {
  const grown = counter.last === undefined ? 0 : Math.max(0, now - counter.last);
  counter.last = now;
  counter.samples.push(counter.total ? grown / seconds : now);
  if (counter.samples.length > kSamples) { counter.samples.shift(); }
  counter.value.textContent = now.toLocaleString('en', now >= 1e6 ? { notation: 'compact', maximumFractionDigits: 2 } : {});
  counter.rate.textContent = counter.total && grown ? `+${Math.max(1, Math.round(grown / seconds)).toLocaleString('en')}/s` : '';
  counter.cell.dataset.alarm = String(counter.name === 'drops' && now > 0);
  const top = Math.max(1, ...counter.samples);
  const first = kSamples - counter.samples.length;
  const points = counter.samples.map((sample, index) => `${first + index},${(19.2 - 18 * sample / top).toFixed(2)}`);
  counter.line.setAttribute('points', points.join(' '));
  counter.area.setAttribute('points', `${first},20 ${points.join(' ')} ${kSamples - 1},20`);
}

function metric_sum(text, name) {
  let sum = 0;
  for (const line of text.split('\n')) {
    if (line.startsWith(name) && /[ {]/.test(line[name.length])) { sum += Number(line.slice(line.lastIndexOf(' ') + 1)); }
  }
  return sum;
}

// ---- once a second, while somebody looks ----

const poller = { timer: 0, busy: false, again: false, at: 0 };

function show_node(state, text) {
  if ($('node').dataset.state !== state) { $('node').dataset.state = state; }
  if ($('node-text').textContent !== text) { $('node-text').textContent = text; }
}

async function show_all() {
  const user = $('sessions-user').value;
  const [stats, metrics, sessions] = await Promise.all([
    api('GET', '/v1/stats').then((response) => response.json()),
    api('GET', '/metrics').then((response) => response.text()),
    user ? api('GET', `/v1/users/${encodeURIComponent(user)}`).then((response) => response.json()) : null,
  ]);
  const seconds = Math.max(0.2, (performance.now() - poller.at) / 1000);
  poller.at = performance.now();
  const values = { connections: stats.connections, users: stats.users, topics: stats.topics, deliveries: metric_sum(metrics, 'pushwire_deliveries_total'),
    drops: metric_sum(metrics, 'pushwire_drops_total'), evictions: metric_sum(metrics, 'pushwire_evictions_total') };
  for (const counter of kCounters) { show_counter(counter, values[counter.name], seconds); }
  if (user === $('sessions-user').value) { show_sessions(user, sessions); }
  show_node(stats.draining ? 'down' : 'up', stats.draining ? `${stats.node} is shutting down` : `${stats.node} · version ${stats.version}`);
}

async function poll() {
  clearTimeout(poller.timer);
  if (poller.busy || document.hidden) { return; }
  poller.busy = true;
  try {
    if (!info.node) { await load_info(); }
    await show_all();
  } catch {
    info.node = '';  // it may come back with other limits
    show_node('down', 'the node does not answer; trying again');
  }
  poller.busy = false;
  poller.timer = setTimeout(poll, kPollMs);
}

function poll_soon() {
  clearTimeout(poller.timer);
  poller.timer = setTimeout(poll, 120);
}
document.onvisibilitychange = poll;
events.addEventListener('changed', poll_soon);

async function load_info() {
  const response = await api('GET', '/info');
  Object.assign(info, await response.json());
  $('link-openapi').href = `${info.api}/openapi.yaml`;
  $('link-openapi').hidden = false;
  show_limit();
  show_push();
}

// ---- the three steps: shown on the first visit, then on demand ----

function show_help(visible) {
  $('help').hidden = !visible;
  $('help-toggle').setAttribute('aria-expanded', String(visible));
}
function remembered(value) {
  try {
    if (value !== undefined) { localStorage.setItem('pushwire-help', value); }
    return localStorage.getItem('pushwire-help');
  } catch {
    return null;  // storage may be switched off; then every visit is the first
  }
}
$('help-close').onclick = () => { remembered('seen'); show_help(false); $('user').focus(); };
$('help-toggle').onclick = () => show_help($('help').hidden);
show_help(remembered() !== 'seen');

show_limit();
show_push();
show_sessions('alice', null);
poll();
