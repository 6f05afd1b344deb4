"""HTTP and WebSocket by hand over a blocking socket: for requests that no proper client sends."""

import base64
import json
import os
import socket
import struct
from dataclasses import dataclass

TIMEOUT = 5
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@dataclass
class Reply:
    status: int
    headers: dict  # names in lower case; several of one name are joined by ", "
    body: bytes

    @property
    def error(self):
        assert self.headers["content-type"].startswith("application/json"), self
        return json.loads(self.body)["error"]


def request(method, target, headers=None, body=b"", version="HTTP/1.1"):
    """Request bytes. `headers`: pairs, since a name may stand twice; a value of None leaves the header out."""
    lines = [f"{method} {target} {version}"]
    lines += [f"{name}: {value}" for name, value in (headers or []) if value is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + body


def upgrade(target, extra=(), *, method="GET", version="HTTP/1.1", **replaced):
    """A proper WebSocket handshake; replaced: e.g. key=None drops Sec-WebSocket-Key."""
    headers = {"host": "127.0.0.1", "upgrade": "websocket", "connection": "Upgrade", "key": KEY, "ws_version": "13"}
    headers.update(replaced)
    names = {"host": "Host", "upgrade": "Upgrade", "connection": "Connection", "key": "Sec-WebSocket-Key",
             "ws_version": "Sec-WebSocket-Version"}
    return request(method, target, [(names[k], v) for k, v in headers.items()] + list(extra), version=version)


def frame(opcode, payload=b"", *, fin=True, mask=True):
    """A client's frame."""
    if isinstance(payload, str):
        payload = payload.encode()
    bit = 0x80 if mask else 0
    head = bytes([(0x80 if fin else 0) | opcode])
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def close_frame(code=None):
    return frame(CLOSE, struct.pack(">H", code) if code is not None else b"")


class RawConnection:
    """Bytes out, HTTP replies or frames in; every read has a deadline."""

    def __init__(self, port, *, host="127.0.0.1", receive_buffer=None, timeout=TIMEOUT):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((host, port))
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"closed by the gateway; unread: {self.buffer[:200]!r}")
        self.buffer += data

    def _take(self, count):
        while len(self.buffer) < count:
            self._more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def reply(self, *, head_only=False):
        """The next HTTP reply. head_only: the answer to a HEAD request, which has no body."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        assert first.startswith("HTTP/1.1 "), first
        headers = {}
        for line in lines:
            name, value = line.split(":", 1)
            name, value = name.lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        status = int(first.split(" ")[1])
        assert "transfer-encoding" not in headers, "the gateway's answers have a length"
        bodiless = head_only or status < 200 or status == 204
        return Reply(status, headers, b"" if bodiless else self._take(int(headers["content-length"])))

    def frame(self):
        """The next frame as (opcode, payload); the gateway's frames are whole and not masked."""
        first, second = self._take(2)
        assert first & 0xF0 == 0x80, f"fragment or reserved bit: {first:#x}"
        assert second < 128, "a server must not mask"
        length = second
        if length == 126:
            (length,) = struct.unpack(">H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._take(8))
        return first & 0x0F, self._take(length)

    def welcome(self):
        """The 101 and the welcome."""
        reply = self.reply()
        assert reply.status == 101, reply
        opcode, payload = self.frame()
        assert opcode == TEXT, payload
        return json.loads(payload)

    def close_code(self):
        """Reads up to the gateway's close frame; its code (None: empty)."""
        while True:
            opcode, payload = self.frame()
            if opcode == CLOSE:
                return struct.unpack(">H", payload[:2])[0] if payload else None

    def at_end(self):
        """Everything that still came before the gateway closed the connection."""
        while True:
            try:
                self._more()
            except (EOFError, ConnectionResetError):
                return self.buffer


def refusal(port, data):
    """The reply to a request after which the gateway has to close, with nothing behind it."""
    with RawConnection(port) as connection:
        connection.send(data)
        reply = connection.reply()
        rest = connection.at_end()
        assert rest == b"", f"after the refusal came {rest[:200]!r}"
    return reply


def basic_key(size):
    return base64.b64encode(bytes(size)).decode()
