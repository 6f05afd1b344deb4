"""Many devices of many users on several nodes, those who push to them, and the account of who has to get what.

A push belongs to a stream: its publisher and its target ("p1 user u7"). Within a stream pushes are numbered and sent one
after the other, each after the answer to the one before, so that each device has to get rising numbers.
"""

import asyncio
import http.client
import json
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field

from support.swarm import Swarm

GIVE_UP_SECONDS = 15.0
PAUSE_SECONDS = 0.05


@dataclass
class Push:
    stream: str
    number: int
    to: dict
    begun: float = 0.0
    accepted: bool = False
    tries: int = 0

    @property
    def name(self):
        return f"{self.stream} #{self.number}"


@dataclass
class Spell:
    """One connection of a device."""

    client: object
    since: float  # the welcome was there before

    @property
    def ended(self):
        return self.client.ended.done()


@dataclass
class Device:
    user: str
    name: str
    topic: str
    spells: list = field(default_factory=list)

    def is_meant(self, to):
        return (to.get("user") == self.user or self.user in to.get("users", ()) or to.get("topic") == self.topic
                or to.get("all", False))


class Fleet:
    """Users u0, u1, … with devices; user n subscribes to topic t<n % topics> everywhere."""

    def __init__(self, users, devices, topics):
        self.users = [f"u{n}" for n in range(users)]
        self.topics = [f"t{n}" for n in range(topics)]
        self.devices = [Device(user, f"d{d}", self.topics[at % topics])
                        for at, user in enumerate(self.users) for d in range(devices)]
        self._swarms = []

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        for swarm in self._swarms:
            await swarm.__aexit__()

    async def connect(self, devices, nodes):
        """The n-th device to the n-th node, and round again."""
        nodes = list(nodes)
        await asyncio.gather(*(self._connect(devices[at::len(nodes)], node) for at, node in enumerate(nodes)))

    async def _connect(self, devices, node):
        swarm = Swarm(node)
        self._swarms.append(swarm)
        clients = await swarm.connect([device.user for device in devices], device=lambda at: devices[at].name,
                                      topics=lambda at: devices[at].topic)
        now = time.monotonic()
        for device, client in zip(devices, clients, strict=True):
            device.spells.append(Spell(client, now))

    def lost(self):
        """Devices whose connection has ended."""
        return [device for device in self.devices if device.spells[-1].ended]

    def received(self):
        return sum(swarm.received for swarm in self._swarms)

    def ping(self):
        for device in self.devices:
            device.spells[-1].client.say({"type": "ping"})

    def pongs(self):
        return sum(b'{"type":"pong"}' in device.spells[-1].client.messages for device in self.devices)

    def faults(self, pushes, known=None):
        """What is not as promised, as texts. Pushes that began while a connection stood, and were accepted, have to
        arrive there if it still stands; nothing arrives twice, out of order or at the wrong place. `known`: further
        pushes, which may arrive."""
        known = {(push.stream, push.number): push for push in known or pushes}
        by_target = defaultdict(list)
        for push in pushes:
            for user in push.to.get("users", [push.to.get("user")]):
                by_target[user].append(push)
            by_target[push.to.get("topic")].append(push)
            by_target[push.to.get("all")].append(push)
        found = []
        for device in self.devices:
            meant = by_target[device.user] + by_target[device.topic] + by_target[True]
            for spell in device.spells:
                who = f"{device.user}/{device.name} on {spell.client.welcomed.result()['node']}"
                got = _messages(spell.client)
                seen = set(got)
                found += [f"{who}: {fault}" for fault in _order_faults(got, known, device)]
                if not spell.ended:
                    missing = [p.name for p in meant if p.accepted and p.begun >= spell.since
                               and (p.stream, p.number) not in seen]
                    found += [f"{who}: missing {len(missing)} of {len(meant)}: {missing[:5]}"] if missing else []
        return found

    def absent_at(self, node, pushes):
        """Accepted pushes to everyone of which no device on this node has heard."""
        heard = set()
        for device in self.devices:
            spell = device.spells[-1]
            if spell.client.welcomed.result()["node"] == node:
                heard.update(_messages(spell.client))
        return [push.name for push in pushes
                if push.accepted and push.to.get("all") and (push.stream, push.number) not in heard]


def _messages(client):
    frames = (json.loads(text) for text in client.messages)
    return [(frame["data"]["s"], frame["data"]["n"]) for frame in frames if frame["type"] == "message"]


def _order_faults(got, known, device):
    last = {}
    for stream, number in got:
        push = known.get((stream, number))
        if push is None or not device.is_meant(push.to):
            yield f"{stream} #{number} was not for it"
        elif number == last.get(stream):
            yield f"{stream} #{number} came twice"
        elif number < last.get(stream, 0):
            yield f"{stream} #{number} came after #{last[stream]}"
        last[stream] = max(number, last.get(stream, 0))


class Publisher(threading.Thread):
    """Pushes at a fixed rate through `home`, a node's name, until told to stop. `retry`: what gets no 2xx there is
    tried again at the other nodes, with the same id, until it has one."""

    def __init__(self, name, cluster, home, rate, targets, retry):
        super().__init__(daemon=True)
        self.name, self.cluster, self.retry = name, cluster, retry
        names = list(cluster.nodes)
        at = names.index(home)
        self.order = names[at:] + names[:at]
        self.interval, self.targets = 1 / rate, targets
        self.pushes = []
        self.slowest = 0.0  # seconds from asking to the answer
        self.trouble = None
        self._numbers = defaultdict(int)
        self._kept = {}
        self._over = threading.Event()

    def run(self):
        due = time.monotonic()
        try:
            while not self._over.wait(max(0.0, due - time.monotonic())):
                due = max(due + self.interval, time.monotonic() - 1)
                self._push(*next(self.targets))
        except BaseException as error:  # the test asks for it: a thread's own report would be lost
            self.trouble = error
        finally:
            for connection in self._kept.values():
                connection.close()

    async def stop(self):
        self._over.set()
        await asyncio.to_thread(self.join, GIVE_UP_SECONDS + 5)
        assert not self.is_alive(), f"publisher {self.name} hangs"
        if self.trouble:
            raise self.trouble

    def _push(self, target, to):
        stream = f"{self.name} {target}"
        self._numbers[stream] += 1
        push = Push(stream, self._numbers[stream], to, time.monotonic())
        self.pushes.append(push)
        body = json.dumps({"to": to, "id": f"{self.name}-{len(self.pushes)}",
                           "data": {"s": stream, "n": push.number}}).encode()
        while not push.accepted:
            for node in self.order if self.retry else self.order[:1]:
                push.tries += 1
                if self._try(node, body, push):
                    push.accepted = True
                    break
            if not self.retry or time.monotonic() - push.begun > GIVE_UP_SECONDS:
                return
            if not push.accepted:
                time.sleep(PAUSE_SECONDS)

    def _try(self, node, body, push):
        port = self.cluster.nodes[node].api_port
        connection = self._kept.pop(port, None) or http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        begun = time.monotonic()
        try:
            connection.request("POST", "/v1/push", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return False
        self._kept[port] = connection
        self.slowest = max(self.slowest, time.monotonic() - begun)
        if answer.status == 503:
            assert answer.headers["Retry-After"], text
            return False
        assert answer.status == 200, f"{push.name} at {node}: {answer.status} {text!r}"
        return True
