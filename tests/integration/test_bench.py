"""The load generator: it counts what a real gateway delivers, and it sees each fault of a server that has some.
Only accounts are checked, never times."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from support.faulty_server import FaultyServer
from support.gateway import BINARY, set_arguments

BENCH = Path(BINARY).with_name("pushwire-bench")
FINE, FAULTS, USAGE, CANNOT = 0, 1, 2, 3
GATEWAY = " ".join([str(BINARY), "serve", *set_arguments({
    "auth.mode": "dev", "node.workers": 2, "client.listen": "127.0.0.1:0", "api.listen": "127.0.0.1:0"})])


async def bench(tmp_path, *words):
    """The exit code, the figures and what was said on stderr."""
    result = tmp_path / "result.json"
    process = await asyncio.create_subprocess_exec(
        BENCH, *map(str, words), "--json", result, "--settle", "0.1", stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env={k: v for k, v in os.environ.items() if not k.startswith("PUSHWIRE_")})
    try:
        _, stderr = await asyncio.wait_for(process.communicate(), 50)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, json.loads(result.read_text()) if result.exists() else {}, stderr.decode()


async def against(server, tmp_path, mode, *words):
    base = f"127.0.0.1:{server.port}"
    return await bench(
        tmp_path, mode, "--preset", "none", "--url", f"ws://{base}/?user={{user}}", "--push-url", f"http://{base}/push",
        "--push-body", '{"to":"{user}","data":"{payload}"}', "--broadcast-body", '{"to":"all","data":"{payload}"}',
        "--drain", "1", *words)


def accounts(result, *names):
    return tuple(result["accounts"][name] for name in names)


@pytest.mark.parametrize("words, expected", [
    (["connect"], 0),
    (["idle", "--seconds", "0.3", "--leave", "80"], 0),
    (["broadcast", "--messages", "5"], 5 * 200),
    (["broadcast", "--messages", "5", "--broadcast-rate", "20", "--processes", "3"], 5 * 200),
    (["push", "--messages", "400"], 400 * 2),
    (["push", "--messages", "3", "--processes", "2"], 3 * 2),
    (["push", "--messages", "401", "--rate", "1000", "--processes", "2"], 401 * 2),
    (["push", "--messages", "300", "--rate", "300", "--broadcast-rate", "5"], None),
    (["storm", "--rounds", "2"], 0),
    (["slow", "--messages", "5", "--stalled", "0.25"], 5 * 150),
    (["soak", "--minutes", "0.05", "--rate", "200", "--broadcast-rate", "2", "--churn", "20"], None),
], ids=lambda words: "-".join(words).replace("--", "") if isinstance(words, list) else None)
async def test_accounts_for_every_message_of_a_gateway(tmp_path, words, expected):
    code, result, said = await bench(tmp_path, *words, "-n", 200, "--users", 100, "--strict-order", "--start", GATEWAY)
    assert code == FINE, (said, result)
    wanted, delivered = accounts(result, "expected", "delivered")
    assert delivered == wanted
    assert expected is None or wanted == expected
    assert expected == 0 or wanted > 0
    assert accounts(result, "lost", "duplicated", "out_of_order", "misrouted", "refused", "connections_failed",
                    "connections_dropped") == (0,) * 7
    assert result["handshake"]["cpu_us"] > 0 and result["memory_idle"]["user_bytes_per_connection"] > 0


async def test_counts_lost_messages(tmp_path):
    async with FaultyServer(lambda n, user, text: [] if n % 10 == 0 else [text]) as server:
        code, result, _ = await against(server, tmp_path, "broadcast", "-n", 20, "--messages", 5,
                                        "--broadcast-rate", 20)
    assert code == FAULTS
    assert accounts(result, "expected", "delivered", "lost", "duplicated") == (100, 90, 10, 0)


async def test_counts_lost_pushes_at_the_end_of_a_stream(tmp_path):
    async with FaultyServer(lambda n, user, text: [] if n > 35 else [text]) as server:
        code, result, _ = await against(server, tmp_path, "push", "-n", 4, "--users", 2, "--messages", 20)
    assert code == FAULTS
    assert accounts(result, "expected", "delivered", "lost") == (40, 35, 5)


async def test_counts_duplicates(tmp_path):
    async with FaultyServer(lambda n, user, text: [text] * (2 if n % 5 == 0 else 1)) as server:
        code, result, _ = await against(server, tmp_path, "push", "-n", 10, "--messages", 50)
    assert code == FAULTS
    assert accounts(result, "expected", "delivered", "lost", "duplicated") == (50, 50, 0, 10)


@pytest.mark.parametrize("strict, code_wanted", [([], FINE), (["--strict-order"], FAULTS)])
async def test_counts_messages_out_of_order(tmp_path, strict, code_wanted):
    kept = []

    def swap(n, _user, text):
        kept.append(text)
        return [] if n % 2 else [kept[-1], kept[-2]]

    async with FaultyServer(swap) as server:
        code, result, _ = await against(server, tmp_path, "push", "-n", 1, "--messages", 20, "--concurrency", 1,
                                        *strict)
    assert code == code_wanted
    assert accounts(result, "expected", "delivered", "lost", "duplicated", "out_of_order") == (20, 20, 0, 0, 10)


async def test_counts_messages_for_somebody_else(tmp_path):
    last = {}

    def astray(n, user, text):
        own, last[user] = text, text
        other = next((seen for name, seen in last.items() if name != user), own)
        return [other] if n == 15 else [own]

    async with FaultyServer(astray) as server:
        code, result, _ = await against(server, tmp_path, "push", "-n", 2, "--messages", 20)
    assert code == FAULTS
    assert accounts(result, "expected", "delivered", "lost", "misrouted") == (20, 19, 1, 1)


async def test_a_refused_request_is_not_a_lost_message(tmp_path):
    async with FaultyServer(lambda n, user, text: 503 if n % 10 == 0 else [text], chunked=True) as server:
        code, result, said = await against(server, tmp_path, "push", "-n", 10, "--messages", 30)
    assert code == FAULTS
    assert accounts(result, "requests", "answered", "refused", "expected", "lost") == (30, 27, 3, 27, 0)
    assert "503" in result["first trouble"], said


async def test_counts_connections_that_the_server_drops_and_what_they_miss(tmp_path):
    async with FaultyServer(lambda n, user, text: None if n == 20 else [text]) as server:
        code, result, _ = await against(server, tmp_path, "broadcast", "-n", 10, "--messages", 4,
                                        "--broadcast-rate", 20)
    assert code == FAULTS
    assert accounts(result, "connections_dropped", "expected", "lost") == (1, 40, 3)


async def test_says_hello_and_skips_the_greeting(tmp_path):
    async with FaultyServer(greeting=["welcome", "again"]) as server:
        code, result, _ = await against(server, tmp_path, "broadcast", "-n", 3, "--messages", 2, "--skip", 2,
                                        "--hello", '{"connect":"{user}"}')
        assert sorted(set(server.hellos)) == [f'{{"connect":"user-{n}"}}' for n in range(3)]
    assert code == FINE and accounts(result, "delivered") == (6,)


async def test_spreads_connections_and_pushes_over_several_nodes(tmp_path):
    async with FaultyServer() as first, FaultyServer() as second:
        base = f"127.0.0.1:{second.port}"
        code, result, said = await against(
            first, tmp_path, "push", "-n", 10, "--messages", 40, "--concurrency", 2, "--strict-order",
            "--url", f"ws://{base}/?user={{user}}", "--push-url", f"http://{base}/push")
        # Each server delivers only what it was asked for itself: a push at the wrong one would be lost.
        assert sorted(first.sockets) == [f"user-{n}" for n in range(0, 10, 2)]
        assert sorted(second.sockets) == [f"user-{n}" for n in range(1, 10, 2)]
    assert code == FINE, said
    assert accounts(result, "expected", "delivered", "lost") == (40, 40, 0)


@pytest.mark.parametrize("words, code_wanted, part", [
    (["nonsense"], USAGE, "subcommand"),
    (["connect"], CANNOT, "--url is missing"),
    (["connect", "--url", "ws://192.0.2.1:80/"], CANNOT, "--allow-remote"),
    (["push", "--url", "ws://127.0.0.1:1/", "--push-url", "http://192.0.2.1/"], CANNOT, "--allow-remote"),
    (["push", "--url", "ws://127.0.0.1:1/"], CANNOT, "--push-url is missing"),
    (["connect", "--start", "/bin/true"], CANNOT, "ended before it was ready"),
    (["connect", "-n", "5", "--users", "2", "--url", "ws://127.0.0.1:1/"], CANNOT, "multiple"),
])
async def test_refuses_what_it_cannot_or_must_not_do(tmp_path, words, code_wanted, part):
    code, result, said = await bench(tmp_path, *words)
    assert (code, result) == (code_wanted, {})
    assert part in said


async def test_a_server_that_is_not_there_is_no_success(tmp_path):
    code, result, _ = await bench(tmp_path, "connect", "-n", 3, "--url", "ws://127.0.0.1:1/")
    assert code != FINE and (not result or result["accounts"]["connections_failed"] > 0)
