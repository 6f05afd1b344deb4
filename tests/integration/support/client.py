"""A client with the `websockets` package, as an application would write it."""

import asyncio
import contextlib
import json
from urllib.parse import urlencode

from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

TIMEOUT = 5


class Client:
    """One connection; `welcome` is its first frame (None in the raw format)."""

    def __init__(self, socket, welcome):
        self.socket, self.welcome = socket, welcome

    @property
    def session(self):
        return self.welcome["session"]

    async def receive_text(self):
        """The next frame as it came: str or bytes."""
        return await asyncio.wait_for(self.socket.recv(), TIMEOUT)

    async def receive(self):
        return json.loads(await self.receive_text())

    async def message(self):
        frame = await self.receive()
        assert frame["type"] == "message", frame
        return frame

    async def error(self, code):
        frame = await self.receive()
        assert frame["type"] == "error" and frame["code"] == code and frame["message"], frame
        return frame

    async def send(self, frame):
        await self.socket.send(frame if isinstance(frame, (str, bytes)) else json.dumps(frame))

    async def ping(self):
        await self.send({"type": "ping"})
        assert await self.receive() == {"type": "pong"}

    async def subscribe(self, topic):
        await self.send({"type": "subscribe", "topic": topic})
        assert await self.receive() == {"type": "subscribed", "topic": topic}

    async def received_nothing_else(self, api):
        """Proves that no push came: one that is sent now is the next frame, and a pong the one after it."""
        pushed = api.push({"session": self.session}, text="fence")
        assert await self.message() == {"type": "message", "id": pushed["id"], "text": "fence"}
        await self.ping()

    async def closed(self, timeout=TIMEOUT):
        """Waits for the end; the close code that the gateway sent (1006: none)."""
        async with asyncio.timeout(timeout):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    frame = await self.socket.recv()
                    assert json.loads(frame)["type"] == "error", f"instead of the close: {frame!r}"
        return self.socket.close_code


@contextlib.asynccontextmanager
async def connect(gateway, user=None, *, token=None, headers=None, subprotocols=None, raw=False, **query):
    """`user` for dev auth; `token` goes into Authorization; further words into the query."""
    words = {**({"user": user} if user is not None else {}), **({"format": "raw"} if raw else {}), **query}
    sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
    tls = gateway.tls if gateway.ws_url.startswith("wss:") else None
    async with websocket_connect(f"{gateway.ws_url}?{urlencode(words)}", additional_headers=sent, proxy=None,
                                 subprotocols=subprotocols, open_timeout=TIMEOUT, close_timeout=TIMEOUT,
                                 ping_interval=None, ssl=tls) as socket:
        client = Client(socket, None)
        if not raw:
            client.welcome = await client.receive()
            assert client.welcome["type"] == "welcome", client.welcome
        yield client


async def refused(gateway, *arguments, **options):
    """The HTTP answer to a handshake that has to be refused."""
    try:
        async with connect(gateway, *arguments, **options) as client:
            raise AssertionError(f"not refused: {client.welcome}")
    except InvalidStatus as refusal:
        return refusal.response
