"""A push server with known faults, to see whether the load generator counts them. One asyncio loop, loopback."""

import asyncio
import base64
import hashlib
import json
import re
from collections import defaultdict

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(text):
    payload = text.encode()
    size = len(payload)
    head = bytes([0x81, size]) if size < 126 else bytes([0x81, 126]) + size.to_bytes(2, "big")
    return head + payload


class FaultyServer:
    """`fault(n, user, text)` gives what becomes of the n-th frame to a socket: the list of texts to send instead, the
    number of an HTTP status that refuses its request, or None to close the socket."""

    def __init__(self, fault=lambda n, user, text: [text], greeting=(), chunked=False):
        self.fault = fault
        self.greeting = greeting
        self.chunked = chunked
        self.sockets = defaultdict(list)
        self.hellos = []
        self.frames = 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for writers in self.sockets.values():
            for writer in writers:
                writer.close()

    async def _serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                if "Upgrade: websocket" in head:
                    await self._websocket(head, reader, writer)
                    return
                length = int(re.search(r"Content-Length: (\d+)", head)[1])
                self._answer(writer, self._push(json.loads(await reader.readexactly(length))))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, writer, status):
        if self.chunked:
            writer.write(f"HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n".encode())
        else:
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}".encode())

    async def _websocket(self, head, reader, writer):
        key = re.search(r"Sec-WebSocket-Key: (\S+)", head)[1].encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        writer.write(f"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        for text in self.greeting:
            writer.write(frame(text))
        own = self.sockets[re.search(r"user=([\w-]+)", head)[1]]
        own.append(writer)
        try:
            while True:
                first, size = await reader.readexactly(2)
                mask = await reader.readexactly(4)
                payload = await reader.readexactly(size & 0x7f)
                if first == 0x81:
                    self.hellos.append(bytes(b ^ mask[i % 4] for i, b in enumerate(payload)).decode())
        finally:
            own.remove(writer)

    def _push(self, message):
        targets = list(self.sockets) if message["to"] == "all" else [message["to"]]
        for user in targets:
            for writer in list(self.sockets[user]):
                self.frames += 1
                texts = self.fault(self.frames, user, message["data"])
                if isinstance(texts, int):
                    return texts
                if texts is None:
                    writer.close()
                for text in texts or ():
                    writer.write(frame(json.dumps({"data": text})))
        return 200
