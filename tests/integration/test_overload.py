"""Every queue has a limit: what is over it is refused or closed, and nobody else notices."""

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from support import raw as wire
from support.client import connect
from support.gateway import BINARY
from support.raw import RawConnection, upgrade
from support.swarm import Swarm
from support.waiting import eventually, eventually_async

SMALL_OUTBOX = {"api.max_body_bytes": "16KiB", "outbox.hard_bytes": "256KiB", "outbox.soft_bytes": "256KiB"}
TEXT = "x" * 8000


def slow_client(gateway, user):
    """A client that takes its welcome and then stops reading, with a small buffer in the kernel."""
    connection = RawConnection(gateway.client_port, receive_buffer=4096)
    connection.send(upgrade(f"/ws?user={user}"))
    connection.welcome()
    return connection


def closed_slow(gateway):
    return gateway.metrics().sum("pushwire_disconnects_total", code="3008")


async def push_until_slow_is_closed(gateway, user, others, most=4000):
    """Pushes to the user, while the others read; how many pushes it took."""
    with gateway.api.kept() as api:
        for n in range(most):
            api.push({"user": user}, text=f"{n} {TEXT}")
            for other in others:
                assert (await other.message())["text"] == f"{n} {TEXT}"
            if len(api.user(user)["sessions"]) == len(others):
                return n + 1
    raise AssertionError(f"still connected after {most} pushes")


async def test_client_that_stops_reading_is_closed_with_3008_and_others_notice_nothing(serve, user):
    gateway = serve(SMALL_OUTBOX)
    with slow_client(gateway, user) as slow:
        async with connect(gateway, user) as same_user, connect(gateway, user + "2") as bystander:
            count = await push_until_slow_is_closed(gateway, user, [same_user])
            assert count * len(TEXT) >= 256 * 1024, "closed before its outbox was full"
            await eventually_async(lambda: closed_slow(gateway) == 1, "counted")
            assert gateway.metrics().sum("pushwire_drops_total", reason="slow_client") >= 1
            for client in (same_user, bystander):
                await client.received_nothing_else(gateway.api)
        slow.at_end()  # the connection really ends
    eventually(lambda: gateway.metrics().sum("pushwire_outbox_bytes") == 0, "its outbox is given back")


async def test_client_over_the_soft_limit_for_too_long_is_closed_with_3008(serve, user):
    gateway = serve({"outbox.soft_bytes": "16KiB", "outbox.soft_for": "1s", "outbox.hard_bytes": "64MiB"})
    with slow_client(gateway, user):
        over_soft = 0
        while over_soft < 64 * 1024:
            gateway.api.push({"user": user}, text=TEXT * 10)
            over_soft = await eventually_async(lambda: 1 + gateway.metrics().sum("pushwire_outbox_bytes"), "scraped")
        filled = time.monotonic()
        assert closed_slow(gateway) == 0
        await eventually_async(lambda: closed_slow(gateway) == 1, "closed as slow", 5)
        assert time.monotonic() - filled <= 3.5


async def test_slow_client_that_catches_up_stays(serve, user):
    gateway = serve({"outbox.soft_bytes": "16KiB", "outbox.soft_for": "2s", "outbox.hard_bytes": "64MiB"})
    with slow_client(gateway, user) as slow:
        pushed = 0
        while gateway.metrics().sum("pushwire_outbox_bytes") < 64 * 1024:
            gateway.api.push({"user": user}, text=f"{pushed} {TEXT}")
            pushed += 1
        for n in range(pushed):
            assert json.loads(slow.frame()[1])["text"].startswith(f"{n} ")
        eventually(lambda: gateway.metrics().sum("pushwire_outbox_bytes") == 0, "empty")
        await asyncio.sleep(2.5)  # longer than soft_for
        slow.send(wire.frame(wire.TEXT, '{"type":"ping"}'))
        assert slow.frame() == (wire.TEXT, b'{"type":"pong"}')


async def test_api_flood_is_answered_200_or_503_and_each_200_is_delivered(serve):
    gateway = serve({"node.mailbox_bytes": "64KiB", "api.max_body_bytes": "48KiB", "outbox.hard_bytes": "64MiB",
                     "outbox.soft_bytes": "64MiB"})
    senders, batches, size = 4, 25, 40
    async with Swarm(gateway) as swarm:
        await swarm.connect([f"u{n}" for n in range(200)])

        def flood(sender):
            accepted, statuses = [], set()
            with gateway.api.kept() as api:
                for batch in range(batches):
                    pushes = [{"to": {"all": True}, "text": f"{sender}.{batch}.{n} {'y' * 1000}"} for n in range(size)]
                    results = api.batch(pushes)
                    statuses |= {result["status"] for result in results}
                    accepted += [push["text"] for push, result in zip(pushes, results, strict=True)
                                 if result["status"] == 200]
                    answer = api.request("POST", "/v1/push", {"to": {"all": True}, "text": f"{sender}.{batch} single"})
                    statuses.add(answer.status)
                    if answer.status == 200:
                        accepted.append(f"{sender}.{batch} single")
                    else:
                        assert answer.error["code"] == "overloaded" and int(answer.headers["Retry-After"]) >= 1
            return accepted, statuses

        floods = await asyncio.gather(*(asyncio.to_thread(flood, sender) for sender in range(senders)))
        assert set.union(*(statuses for _, statuses in floods)) == {200, 503}
        accepted = {text for texts, _ in floods for text in texts}
        assert 0 < len(accepted) < senders * batches * (size + 1)
        await eventually_async(lambda: swarm.received >= len(accepted) * len(swarm.clients), "each 200 arrives", 20)
        await asyncio.to_thread(eventually, lambda: gateway.metrics().sum("pushwire_mailbox_bytes") == 0, "empty again")
        for client in swarm.clients:
            texts = [json.loads(message)["text"] for message in client.messages]
            assert len(texts) == len(set(texts)), "twice"
            assert accepted <= set(texts)
    metrics = gateway.metrics()
    assert metrics.sum("pushwire_pushes_total", result="accepted") == len(accepted)
    assert metrics.sum("pushwire_pushes_total", result="overloaded") > 0


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


UBSAN = Path(BINARY).exists() and b"__ubsan_handle_dynamic_type_cache_miss" in Path(BINARY).read_bytes()


@pytest.mark.skipif(UBSAN, reason="UBSan looks at types through a pipe, for which no descriptor is left here")
async def test_no_free_descriptor_does_not_spin_and_heals(serve, user):
    gateway = serve({"node.workers": 2}, nofile=64)
    async with connect(gateway, user) as client:
        crowd = [RawConnection(gateway.client_port) for _ in range(100)]
        await eventually_async(lambda: len(os.listdir(f"/proc/{gateway.pid}/fd")) >= 60, "descriptors are used up")
        before = cpu_seconds(gateway.pid)
        await asyncio.sleep(2)  # the rule is about CPU time over time
        assert cpu_seconds(gateway.pid) - before < 0.4
        await client.ping()
        for connection in crowd:
            connection.close()
        await eventually_async(lambda: len(os.listdir(f"/proc/{gateway.pid}/fd")) < 50, "descriptors are free")
        async with connect(gateway, user) as second:
            gateway.api.push({"user": user}, data=1)
            assert (await second.message())["data"] == (await client.message())["data"] == 1


def test_connections_over_the_limit_are_refused_with_503(serve, user):
    gateway = serve({"client.max_connections": 2})
    with RawConnection(gateway.client_port) as one, RawConnection(gateway.client_port) as two:
        for connection in (one, two):
            connection.send(upgrade(f"/ws?user={user}"))
            connection.welcome()
        reply = wire.refusal(gateway.client_port, upgrade(f"/ws?user={user}"))
        assert reply.status == 503 and int(reply.headers["retry-after"]) >= 1
        assert reply.headers["connection"].lower() == "close"
        one.send(wire.close_frame(1000))
        one.at_end()
        eventually(lambda: gateway.metrics().sum("pushwire_connections") == 1, "one has gone")
        with RawConnection(gateway.client_port) as third:
            third.send(upgrade(f"/ws?user={user}"))
            third.welcome()


async def test_handshake_flood_is_bounded_and_heals(serve, user):
    gateway = serve({"client.max_pending_handshakes": 8, "client.handshake_timeout": "1s"})
    async with connect(gateway, user) as client:
        flood = []
        try:
            for _ in range(60):
                connection = RawConnection(gateway.client_port)
                connection.send(upgrade(f"/ws?user={user}")[:-10])
                flood.append(connection)
            for n in range(20):
                gateway.api.push({"user": user}, data=n)
                assert (await client.message())["data"] == n
            assert len(os.listdir(f"/proc/{gateway.pid}/fd")) < 60, "held more than it may"
        finally:
            for connection in flood:
                connection.close()

        def welcomed():
            with RawConnection(gateway.client_port, timeout=10) as connection:
                connection.send(upgrade(f"/ws?user={user}"))
                return connection.reply().status == 101

        await asyncio.to_thread(eventually, welcomed, "a new client gets in", 10)


async def test_standing_handshake_flood_ends_by_its_timeout(serve, user):
    gateway = serve({"client.max_pending_handshakes": 4, "client.handshake_timeout": "500ms"})
    flood = [RawConnection(gateway.client_port) for _ in range(12)]

    def welcomed():
        with RawConnection(gateway.client_port, timeout=10) as connection:
            connection.send(upgrade(f"/ws?user={user}"))
            return connection.reply().status == 101

    await asyncio.to_thread(eventually, welcomed, "a new client gets in beside them", 15)
    for connection in flood:
        connection.close()


def test_message_is_read_from_1024_frames_and_no_more(serve, user):
    gateway = serve({"client.max_message_bytes": "4KiB"})
    text = '{"type":"ping","pad":"' + "x" * 900 + '"}'
    for empty, fits in ((1024 - len(text), True), (1025 - len(text), False)):
        pieces = [*text[:1], *[""] * empty, *text[1:]]  # empty ones cost time too
        with RawConnection(gateway.client_port) as connection:
            connection.send(upgrade(f"/ws?user={user}"))
            connection.welcome()
            connection.send(b"".join(wire.frame(wire.TEXT if at == 0 else 0, piece, fin=at + 1 == len(pieces))
                                     for at, piece in enumerate(pieces)))
            if fits:
                assert connection.frame() == (wire.TEXT, b'{"type":"pong"}')
            else:
                assert connection.close_code() == 1009


async def test_ping_flood_of_a_client_that_does_not_read_takes_no_memory(serve, user):
    gateway = serve()
    with slow_client(gateway, user) as flooder:
        flooder.socket.settimeout(0.5)
        pings = wire.frame(wire.PING, b"p" * 125) * 500
        sent = 0
        while sent < 32 * 1024 * 1024:
            try:
                sent += flooder.socket.send(pings)
            except TimeoutError:
                break  # it reads no more from us: as good
        assert gateway.metrics().sum("pushwire_outbox_bytes") <= 64 * 1024
        async with connect(gateway, user + "2") as other:
            await other.ping()


def test_half_a_message_forever_does_not_outlive_the_heartbeat(serve, user):
    """A frame that never ends and a message that never ends hold no more than one connection, and not for ever."""
    gateway = serve({"heartbeat.interval": "300ms", "heartbeat.timeout": "1s"})
    with RawConnection(gateway.client_port) as frame, RawConnection(gateway.client_port) as message:
        for connection, beginning in ((frame, wire.frame(wire.TEXT, "x" * 60_000)[:100]),
                                      (message, wire.frame(wire.TEXT, "x", fin=False))):
            connection.send(upgrade(f"/ws?user={user}"))
            connection.welcome()
            connection.send(beginning)
        assert frame.close_code() == 3012
        assert message.close_code() == 3012
