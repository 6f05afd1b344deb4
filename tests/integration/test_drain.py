"""Stopping: every client is told at the set pace, nothing new is taken, and the exit code says how it went."""

import asyncio
import contextlib
import signal
import time

import pytest

from support.client import connect
from support.raw import RawConnection, refusal, upgrade
from support.waiting import eventually, eventually_async


@contextlib.asynccontextmanager
async def clients_of(gateway, count):
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connect(gateway, f"u{n}", topics="t")) for n in range(count)]


def draining(gateway):
    return gateway.api.request("GET", "/readyz").status == 503


async def told(client):
    """The close code and when it came."""
    return await client.closed(15), time.monotonic()


async def test_drain_refuses_what_is_new_and_tells_clients_at_its_rate(serve):
    gateway = serve({"drain.rate": 10})
    async with clients_of(gateway, 20) as clients:
        ends = [asyncio.ensure_future(told(client)) for client in clients]
        gateway.signal(signal.SIGTERM)
        await eventually_async(lambda: draining(gateway), "not ready")
        readiness = gateway.api.request("GET", "/readyz")
        assert int(readiness.headers["Retry-After"]) >= 1 and readiness.error["code"] == "draining"
        assert gateway.api.request("GET", "/healthz").status == 200
        push = gateway.api.request("POST", "/v1/push", {"to": {"user": "u1"}, "data": 1})
        assert push.status == 503 and int(push.headers["Retry-After"]) >= 1 and push.error["code"] == "draining"
        reply = await asyncio.to_thread(refusal, gateway.client_port, upgrade("/ws?user=late"))
        assert reply.status == 503 and int(reply.headers["retry-after"]) >= 1
        assert gateway.api.get("/v1/stats").json["draining"] is True
        codes, times = zip(*await asyncio.gather(*ends), strict=True)
        assert set(codes) == {3001}
        assert 1.2 <= max(times) - min(times) <= 4.0
        assert await asyncio.to_thread(gateway.wait, 5) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_ends_cleanly_with_exit_code_0(serve, number):
    gateway = serve()
    async with clients_of(gateway, 5) as clients:
        gateway.signal(number)
        assert [await client.closed() for client in clients] == [3001] * 5
    assert gateway.wait(5) == 0


def test_drain_without_clients_ends_at_once(serve):
    gateway = serve()
    started = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - started < 2


async def test_pushes_that_were_accepted_arrive_before_the_goodbye(serve):
    gateway = serve()
    async with clients_of(gateway, 4) as clients:
        results = gateway.api.batch([{"to": {"topic": "t"}, "text": f"{n} {'x' * 500}"} for n in range(500)])
        gateway.signal(signal.SIGTERM)
        accepted = sum(result["status"] == 200 for result in results)
        assert accepted == 500
        for client in clients:
            for n in range(500):
                assert (await client.message())["text"].startswith(f"{n} ")
            assert await client.closed() == 3001
    assert gateway.wait(5) == 0


def test_client_that_never_answers_the_close_is_awaited_for_2_seconds_at_most(serve):
    gateway = serve()
    with RawConnection(gateway.client_port) as mute:
        mute.send(upgrade("/ws?user=mute"))
        mute.welcome()
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert mute.close_code() == 3001
        assert gateway.wait(6) == 0
        assert time.monotonic() - started <= 4


async def test_second_signal_ends_at_once_with_exit_code_1(serve):
    gateway = serve({"drain.rate": 1})
    async with clients_of(gateway, 20):
        gateway.signal(signal.SIGTERM)
        await eventually_async(lambda: draining(gateway), "draining")
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert await asyncio.to_thread(gateway.wait, 5) == 1
        assert time.monotonic() - started <= 2


async def test_missed_deadline_ends_with_exit_code_1(serve):
    gateway = serve({"drain.rate": 1, "drain.deadline": "1s"})
    async with clients_of(gateway, 20):
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert await asyncio.to_thread(gateway.wait, 10) == 1
        assert 0.8 <= time.monotonic() - started <= 5


def test_half_open_handshakes_and_idle_api_connections_do_not_delay_the_end(serve):
    gateway = serve()
    with RawConnection(gateway.client_port) as half, RawConnection(gateway.api_port) as idle:
        half.send(upgrade("/ws?user=half")[:-4])
        idle.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.reply().status == 200
        started = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - started <= 4


async def test_clients_that_were_told_are_counted_as_3001(serve):
    gateway = serve({"drain.rate": 5})
    async with clients_of(gateway, 15) as clients:
        ends = [asyncio.ensure_future(told(client)) for client in clients]
        gateway.signal(signal.SIGTERM)

        def counted():
            return gateway.metrics().sum("pushwire_disconnects_total", code="3001") >= 5

        await asyncio.to_thread(eventually, counted, "counted while it drains")
        await asyncio.gather(*ends)
    assert gateway.wait(5) == 0
