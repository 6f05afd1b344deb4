// What all parts of the try-it page use: elements, calls to the node, words for screen readers.

export const $ = (id) => document.getElementById(id);

// Filled from /dev/api/info before anything can be known about the node.
export const info = { api: '', max_connections_per_user: 10, node: '', version: '' };

// "changed": a device connected, ended or changed its topics, or a push was made; what the page shows may be old.
export const events = new EventTarget();
export function changed() {
  events.dispatchEvent(new Event('changed'));
}

export function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) { node.className = className; }
  if (text !== undefined) { node.textContent = text; }
  return node;
}

export function split_topics(text) {
  return [...new Set(text.split(',').map((topic) => topic.trim()).filter(Boolean))];
}

export async function api(method, path, body) {
  const options = { method, cache: 'no-store', signal: AbortSignal.timeout(10000) };
  if (method !== 'GET') { options.headers = { 'Content-Type': 'application/json' }; }
  if (body !== undefined) { options.body = body; }
  return fetch('/dev/api' + path, options);
}

// Reads new messages out, but not faster than a screen reader can follow: the newest one wins.
const announcer = { text: '', timer: 0 };
export function announce(text) {
  announcer.text = text;
  if (announcer.timer) { return; }
  announcer.timer = setTimeout(() => {
    announcer.timer = 0;
    $('announce').textContent = announcer.text;
  }, 400);
}

