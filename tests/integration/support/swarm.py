"""Thousands of cheap clients: asyncio protocols with a parser for the gateway's frames and nothing more."""

import asyncio
import json
import struct
from urllib.parse import urlencode

from support.raw import CLOSE, PING, PONG, TEXT, frame, upgrade


class SwarmClient(asyncio.Protocol):
    """Keeps the text of every message frame. Frames come whole or in pieces; the tail waits in a buffer."""

    def __init__(self, swarm, user):
        self.swarm, self.user = swarm, user
        self.buffer = bytearray()
        self.upgraded = False
        self.messages = []
        self.close_code = None
        self.welcomed = asyncio.get_running_loop().create_future()
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        if not self.upgraded:
            head, separator, rest = bytes(self.buffer).partition(b"\r\n\r\n")
            if not separator:
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                self.welcomed.set_exception(ConnectionRefusedError(head.decode("latin-1")))
                return
            self.upgraded, self.buffer = True, bytearray(rest)
        self._frames()

    def _frames(self):
        buffer, at = self.buffer, 0
        while len(buffer) - at >= 2:
            length, start = buffer[at + 1], at + 2
            if length == 126:
                if len(buffer) < at + 4:
                    break
                (length,), start = struct.unpack_from(">H", buffer, at + 2), at + 4
            elif length == 127:
                if len(buffer) < at + 10:
                    break
                (length,), start = struct.unpack_from(">Q", buffer, at + 2), at + 10
            if len(buffer) < start + length:
                break
            self._frame(buffer[at] & 0x0F, bytes(buffer[start:start + length]))
            at = start + length
        del buffer[:at]

    def _frame(self, opcode, payload):
        if opcode == TEXT and not self.welcomed.done():
            self.welcomed.set_result(json.loads(payload))
        elif opcode == TEXT:
            self.messages.append(payload)
            self.swarm.received += 1
        elif opcode == PING:
            self.transport.write(frame(PONG, payload))
        elif opcode == CLOSE:
            self.close_code = struct.unpack(">H", payload[:2])[0] if payload else None
            self.transport.write(frame(CLOSE, payload[:2]))

    def connection_lost(self, _error):
        if not self.welcomed.done():
            self.welcomed.set_exception(ConnectionResetError("ended before the welcome"))
        self.ended.set_result(None)

    def say(self, message):
        self.transport.write(frame(TEXT, json.dumps(message)))

    def say_goodbye(self, code=1000):
        self.transport.write(frame(CLOSE, struct.pack(">H", code)))


class Swarm:
    """Many clients of one gateway; `received` counts the messages of all."""

    AT_ONCE = 100

    def __init__(self, gateway):
        self.port = gateway.client_port
        self.clients = []
        self.received = 0

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        for client in self.clients:
            client.transport.abort()
        await asyncio.gather(*(client.ended for client in self.clients))

    async def connect(self, users, **query):
        """One client for each user; a query word may be a function of the user's position. Returns the clients."""
        new = []
        for start in range(0, len(users), self.AT_ONCE):
            batch = [self._connect(user, {name: value(at) if callable(value) else value
                                          for name, value in query.items()})
                     for at, user in enumerate(users[start:start + self.AT_ONCE], start)]
            new += await asyncio.gather(*batch)
        return new

    async def _connect(self, user, query):
        target = "/ws?" + urlencode({"user": user, **query})
        loop = asyncio.get_running_loop()
        transport, client = await loop.create_connection(lambda: SwarmClient(self, user), "127.0.0.1", self.port)
        self.clients.append(client)
        transport.write(upgrade(target))
        await asyncio.wait_for(client.welcomed, 20)
        return client
