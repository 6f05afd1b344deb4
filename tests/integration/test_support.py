"""The helpers themselves, against text and against a server that others wrote."""

import asyncio
import json

import pytest
from websockets.asyncio.server import serve as websocket_server

from support import raw as wire
from support.metrics import Metrics
from support.readme import blocks
from support.swarm import Swarm
from support.waiting import eventually


def test_metrics_are_read_with_types_labels_and_values():
    metrics = Metrics('# HELP a_total Help.\n# TYPE a_total counter\na_total{x="1",y="a\\"b"} 2\n'
                      'a_total{x="2"} 3e0\nb 1\n')
    assert metrics.types == {"a_total": "counter"}
    assert metrics.sum("a_total") == 5 and metrics.sum("a_total", x="1") == 2 and metrics.sum("none") == 0
    assert metrics.label_names("a_total") == {frozenset({"x", "y"}), frozenset({"x"})}
    with pytest.raises(AssertionError):
        Metrics("no sample here\n")


def test_readme_blocks_are_found_with_language_and_line():
    text = "# A\n```sh\ncurl a \\\n  b\n# comment\n```\ntext\n```json\n{}\n```\n```javascript\nx\n```\n"
    shell, script = blocks(text)
    assert (shell.language, shell.line, shell.commands()) == ("sh", 3, ["curl a    b"])
    assert (script.language, script.text) == ("js", "x\n")


def test_waiting_fails_with_the_last_value():
    with pytest.raises(AssertionError, match="last: 0"):
        eventually(lambda: 0, "never", 0.1)


class LocalServer:
    """What Swarm and RawConnection need of a gateway."""

    def __init__(self, server):
        self.client_port = server.sockets[0].getsockname()[1]


async def talk(connection):
    await connection.send(json.dumps({"type": "welcome"}))
    for size in (0, 125, 126, 65535, 65536, 200_000):
        await connection.send("x" * size)
    async for text in connection:
        await connection.send(text)
    await connection.close()


async def test_swarm_reads_frames_of_every_length_and_says_goodbye():
    async with websocket_server(talk, "127.0.0.1", 0, compression=None) as server, Swarm(LocalServer(server)) as swarm:
        clients = await swarm.connect(["a"] * 3, topics=lambda at: f"t{at}")
        while swarm.received < 18:
            await asyncio.sleep(0.01)
        for client in clients:
            assert [len(message) for message in client.messages] == [0, 125, 126, 65535, 65536, 200_000]
            client.say_goodbye(1000)
            await asyncio.wait_for(client.ended, 5)
            assert client.close_code == 1000


async def test_raw_connection_speaks_websocket():
    def converse(port):
        with wire.RawConnection(port) as connection:
            connection.send(wire.upgrade("/ws"))
            assert connection.welcome() == {"type": "welcome"}
            assert [len(connection.frame()[1]) for _ in range(6)] == [0, 125, 126, 65535, 65536, 200_000]
            for text in (b"", b"x" * 126, b"y" * 70_000):
                connection.send(wire.frame(wire.TEXT, text))
                assert connection.frame() == (wire.TEXT, text)
            connection.send(wire.close_frame(4000))
            assert connection.close_code() == 4000
            assert connection.at_end() == b""

    async with websocket_server(talk, "127.0.0.1", 0, compression=None) as server:
        await asyncio.to_thread(converse, LocalServer(server).client_port)
