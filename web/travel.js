// How long a push took: from just before the request to the message event, when this page did both.

const travel = { sent: new Map(), waiting: new Map() };

function remember(map, key, value) {
  map.set(key, value);
  if (map.size > 500) { map.delete(map.keys().next().value); }
}

function show_lag(label, ms) {
  label.textContent = (ms < 10 ? ms.toFixed(1) : Math.round(ms)) + ' ms';
  label.title = 'From the push on this page to this message';
}

// A message can be here before the answer that tells its id, so either side may come first.
export function note_sent(id, at) {
  remember(travel.sent, id, at);
  for (const [label, arrived] of travel.waiting.get(id) ?? []) { show_lag(label, arrived - at); }
  travel.waiting.delete(id);
}

export function note_arrived(id, label) {
  const at = performance.now();
  if (travel.sent.has(id)) { show_lag(label, at - travel.sent.get(id)); return; }
  const list = travel.waiting.get(id) ?? [];
  list.push([label, at]);
  remember(travel.waiting, id, list);
}
