// The devices of the try-it page: each is a WebSocket client of its own with a card that shows what it is told.

import { $, announce, api, changed, info, make, split_topics } from './common.js';
import { note_arrived } from './travel.js';

const kMessagesShown = 50;
const kBackoffFirstMs = 500;
const kBackoffMostMs = 20000;

// What a close code means for people. Whether to come back is decided by range, see may_reconnect().
const kCloseMeaning = {
  1000: 'closed normally', 1001: 'the other side went away', 1002: 'protocol error', 1003: 'binary messages are not taken',
  1006: 'the connection broke or was refused', 1007: 'bad UTF-8', 1009: 'message too big', 1011: 'internal error',
  3001: 'the node is shutting down', 3005: 'the token expired', 3008: 'too slow', 3012: 'no sign of life', 3500: 'the token is no longer valid',
  3501: 'bad request', 3503: 'kicked by the API', 4501: 'displaced by a newer connection of the same user',
};

export const devices = [];

function may_reconnect(code) {
  if (code >= 3000 && code < 5000) { return code % 1000 < 500; }
  return ![1000, 1002, 1003, 1007, 1008, 1009, 1010].includes(code);
}

class Device {
  constructor(user, name, topics) {
    this.user = user;
    this.name = name;
    this.topics = new Set(topics);
    this.session = '';
    this.attempt = 0;
    this.wanted = true;  // false once the person or a "do not reconnect" code ended it
    this.first_welcome = new Promise((resolve) => { this.resolve_first = resolve; });
    this.card = $('card-template').content.firstElementChild.cloneNode(true);
    this.parts = {};
    for (const part of this.card.querySelectorAll('[data-part]')) { this.parts[part.dataset.part] = part; }
    this.build();
    this.open();
  }

  build() {
    const { parts, card } = this;
    const title = this.name || 'unnamed device';
    card.dataset.device = this.name;
    card.dataset.user = this.user;
    card.setAttribute('aria-label', `${title} of ${this.user}`);
    parts.name.textContent = title;
    parts.user.textContent = this.user;
    parts.remove.setAttribute('aria-label', `Remove ${title}`);
    parts.toggle.onclick = () => (this.wanted ? this.disconnect() : this.reconnect());
    parts.remove.onclick = () => remove_device(this);
    parts.subscribe.onsubmit = (event) => {
      event.preventDefault();
      const topic = parts.topic.value.trim();
      if (topic) { this.send({ type: 'subscribe', topic }); }
      parts.topic.value = '';
    };
    this.show_topics();
    this.show_no_messages();
    $('devices').append(card);
  }

  open() {
    const query = new URLSearchParams({ user: this.user });
    if (this.name) { query.set('device', this.name); }
    if (this.topics.size) { query.set('topics', [...this.topics].join(',')); }
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    this.show('connecting', 'Connecting', 'warn', '');
    this.socket = new WebSocket(`${scheme}://${location.host}${info.path ?? '/ws'}?${query}`);
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = (event) => this.closed(event.code, event.reason);
  }

  send(frame) {
    if (this.socket.readyState === WebSocket.OPEN) { this.socket.send(JSON.stringify(frame)); }
  }

  receive(text) {
    const frame = JSON.parse(text);
    if (frame.type === 'welcome') {
      this.session = frame.session;
      this.attempt = 0;
      this.topics = new Set(frame.topics);
      this.show('connected', 'Connected', 'good', '');
      this.show_topics();
      this.resolve_first();
      changed();
    } else if (frame.type === 'message') {
      this.show_message(frame, text);
    } else if (frame.type === 'subscribed' || frame.type === 'unsubscribed') {
      this.topics[frame.type === 'subscribed' ? 'add' : 'delete'](frame.topic);
      this.parts.why.textContent = '';
      this.show_topics();
    } else if (frame.type === 'error') {
      this.parts.why.textContent = `${frame.code}: ${frame.message}`;
      announce(`${this.name}: ${frame.message}`);
    }
  }

  closed(code, reason) {
    this.session = '';
    this.resolve_first();
    changed();
    const meaning = `Code ${code}: ${kCloseMeaning[code] ?? (reason || 'no meaning known')}.`;
    if (this.wanted && may_reconnect(code)) {
      this.wait_and_open(meaning);
      return;
    }
    this.wanted = false;
    if (code === 4501) { this.show('displaced', 'Displaced', 'bad', meaning + ' It does not reconnect by itself.'); }
    else if (code === 3503) { this.show('kicked', 'Kicked', 'bad', meaning + ' It does not reconnect by itself.'); }
    else { this.show('closed', 'Closed', code === 1000 ? '' : 'bad', meaning); }
    if (code !== 1000) { announce(`${this.name}: ${meaning}`); }
  }

  // Back-off with full jitter: any moment up to a ceiling that doubles, so that many clients do not come back at once.
  wait_and_open(meaning) {
    const delay = Math.random() * Math.min(kBackoffMostMs, kBackoffFirstMs * 2 ** this.attempt);
    this.attempt += 1;
    this.show('reconnecting', 'Reconnecting', 'warn', `${meaning} Try ${this.attempt} in ${(delay / 1000).toFixed(1)} s.`);
    this.timer = setTimeout(() => this.open(), delay);
  }

  disconnect() {
    this.wanted = false;
    clearTimeout(this.timer);
    if (this.socket.readyState === WebSocket.CLOSED) { this.closed(1000, ''); }
    else { this.socket.close(1000); }
  }

  reconnect() {
    if (this.socket.readyState !== WebSocket.CLOSED) { return; }
    this.wanted = true;
    this.attempt = 0;
    this.open();
  }

  show(state, label, tone, why) {
    const { parts, card } = this;
    card.dataset.state = state;
    card.dataset.live = String(state === 'connected');
    parts.state.textContent = label;
    parts.state.dataset.tone = tone;
    parts.why.textContent = why;
    parts.session.textContent = this.session ? this.session.slice(0, 8) + '…' : '';
    parts.session.title = this.session ? `Session ${this.session}` : '';
    card.dataset.session = this.session;
    parts.subscribe.hidden = state !== 'connected';
    parts.toggle.textContent = this.wanted ? 'Disconnect' : 'Connect again';
    parts.toggle.setAttribute('aria-label', `${parts.toggle.textContent}: ${this.name || 'unnamed device'}`);
    show_device_count();
  }

  show_topics() {
    this.parts.topics.replaceChildren(...[...this.topics].sort().map((topic) => {
      const chip = make('span', 'chip', topic);
      const leave = make('button', '', '×');
      leave.type = 'button';
      leave.dataset.testid = 'unsubscribe';
      leave.dataset.topic = topic;
      leave.setAttribute('aria-label', `Unsubscribe ${this.name || 'device'} from ${topic}`);
      leave.onclick = () => {
        this.leave(topic);
      };
      chip.append(leave);
      return chip;
    }));
  }

  leave(topic) {
    if (this.session) {
      this.send({ type: 'unsubscribe', topic });
      this.parts.topic.focus();
      return;
    }
    this.topics.delete(topic);
    this.show_topics();
    this.parts.toggle.focus();
  }

  show_no_messages() {
    this.parts.messages.replaceChildren(make('li', 'none', 'Nothing yet. Push something to this user or topic.'));
  }

  show_message(frame, text) {
    const list = this.parts.messages;
    const item = make('li');
    const meta = make('div', 'meta');
    const lag = make('span', 'lag');
    const body = payload_text(frame, text);
    item.dataset.testid = 'message';
    item.dataset.id = frame.id;
    meta.append(make('time', '', new Date().toLocaleTimeString([], { hour12: false })));
    if (frame.event !== undefined) { meta.append(make('span', 'tag', frame.event)); }
    if (frame.topic !== undefined) { meta.append(make('span', 'tag', '#' + frame.topic)); }
    meta.append(lag);
    const content = make('pre', '', body);
    content.dataset.testid = 'message-data';
    item.append(meta, content, make('div', 'id', frame.id));
    note_arrived(frame.id, lag);
    list.querySelector('.none')?.remove();
    list.prepend(item);
    list.tabIndex = 0;
    if (list.childElementCount > kMessagesShown) { list.lastElementChild.remove(); }
    this.card.classList.remove('flash');
    requestAnimationFrame(() => this.card.classList.add('flash'));
    announce(`Message for ${this.name || 'device'}: ${body.slice(0, 120)}`);
  }
}

// The JSON as it was posted. Parsing and printing it again would change big numbers; all members before `data` are
// strings, in which a quote is escaped, so the first `,"data":` is the right one.
function payload_text(frame, text) {
  if (frame.text !== undefined) { return frame.text; }
  if (frame.base64 !== undefined) { return `base64 ${frame.base64}`; }
  const raw = text.slice(text.indexOf(',"data":') + 8, -1);
  try {
    JSON.parse(raw);
    return raw;
  } catch {
    return JSON.stringify(frame.data);
  }
}

function show_device_count() {
  const live = devices.filter((device) => device.card.dataset.state === 'connected').length;
  const ended = devices.filter((device) => !device.wanted).length;
  $('device-count').textContent = live;
  $('device-count').title = `${live} connected, ${devices.length} shown`;
  $('devices-empty').hidden = devices.length > 0;
  $('remove-ended').hidden = ended < 2;
  changed();
}

const kDeviceNames = ['laptop', 'phone', 'tablet', 'watch', 'desktop', 'tv'];
function next_device_name(user) {
  const taken = new Set(devices.filter((device) => device.user === user).map((device) => device.name));
  const free = kDeviceNames.find((name) => !taken.has(name));
  if (free) { return free; }
  let number = kDeviceNames.length + 1;
  while (taken.has(`device-${number}`)) { number += 1; }
  return `device-${number}`;
}

function add_device(user, name, topics) {
  const device = new Device(user, name, topics);
  devices.push(device);
  show_device_count();
  $('device').value = next_device_name(user);
  return device;
}

function remove_device(device) {
  device.disconnect();
  const index = devices.indexOf(device);
  devices.splice(index, 1);
  device.card.remove();
  show_device_count();
  const next = devices[Math.min(index, devices.length - 1)];
  (next ? next.parts.remove : $('connect-button')).focus();
}

$('connect').onsubmit = (event) => {
  event.preventDefault();
  add_device($('user').value, $('device').value, split_topics($('topics').value));
};
$('remove-ended').onclick = () => {
  for (const device of devices.filter((each) => !each.wanted)) { remove_device(device); }
};

// ---- displace demo ----

export function show_limit() {
  const most = info.max_connections_per_user;
  $('displace').disabled = most === 0;
  $('displace').textContent = most ? `Open connection ${most + 1}` : 'No limit set';
  $('displace-text').textContent = most
    ? `A user may hold ${most} connections here (session.max_connections_per_user). One more, and the node closes the oldest with code 4501; that one stays away, or the two would displace each other for ever.`
    : 'session.max_connections_per_user is 0 on this node: a user may hold any number of connections.';
}

async function displace() {
  const user = $('user').value;
  if (!user) { $('user').reportValidity(); return; }
  $('displace').disabled = true;
  try {
    const before = await (await api('GET', `/v1/users/${encodeURIComponent(user)}`)).json();
    const missing = Math.max(1, info.max_connections_per_user + 1 - before.sessions.length);
    for (let opened = 1; opened <= missing; opened += 1) {
      $('displace-text').textContent = `Opening ${opened} of ${missing}…`;
      // One after the other, so that there is an order by age to see.
      await add_device(user, next_device_name(user), split_topics($('topics').value)).first_welcome;
    }
    $('displace-text').textContent =
      `The new connection of ${user} was taken and the oldest one displaced: code 4501. ${info.max_connections_per_user} stay connected.`;
    show_displaced(user);
  } catch (error) {
    $('displace-text').textContent = `This did not work: ${error.message}`;
  }
  $('displace').disabled = false;
}

// The oldest connection is far up by now. It may also be another page's, then there is nothing to show.
function show_displaced(user) {
  const displaced = devices.filter((device) => device.user === user && device.card.dataset.state === 'displaced').at(-1);
  displaced?.parts.toggle.focus({ preventScroll: true });
  displaced?.card.scrollIntoView({ block: 'center' });
}
$('displace').onclick = displace;
