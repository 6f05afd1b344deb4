"""A message that a business system posts reaches the clients it is for, seen by the `websockets` package."""

import asyncio
import contextlib
import json
import re
import signal
import time
from base64 import b64encode

import pytest

from support import raw as wire
from support.client import connect, refused
from support.swarm import Swarm
from support.tokens import SECRET, token
from support.waiting import eventually

ODD_JSON = [
    b'{"a" : 1.0 ,\t"b":[ ],\n "c":{ }}',
    b'"\\u00e9\\/\\ud83d\\ude00 \\u0000"',
    b"123456789012345678901234567890.000100e+0",
    b"-0",
    b'{"z":1,"a":2,"Z":3}',
    "\"ümläut 😀\"".encode(),
    b"null",
    b"false",
    b'""',
    b"[1E400,1e-400]",
]


def push_body(gateway, to, value):
    """Posts `data` as these very bytes."""
    body = b'{"data":  ' + value + b' , "to":' + json.dumps(to).encode() + b"}"
    answer = gateway.api.request("POST", "/v1/push", body)
    assert answer.status == 200, answer
    return answer.json["id"]


async def test_welcome_is_first_and_names_session_user_node_and_topics(gateway, user):
    async with connect(gateway, user, topics="news,sport", device="phone") as client:
        welcome = dict(client.welcome)
        assert list(welcome)[0] == "type"
        assert re.fullmatch(r"[A-Za-z0-9_-]{22}", welcome.pop("session"))
        assert sorted(welcome.pop("topics")) == ["news", "sport"]
        assert welcome == {"type": "welcome", "user": user, "node": "n1", "heartbeat_ms": 25000}


async def test_sessions_have_different_ids(gateway, user):
    async with connect(gateway, user) as one, connect(gateway, user) as two:
        assert one.session != two.session


async def test_push_to_user_reaches_each_device_and_nobody_else(gateway, user):
    async with connect(gateway, user) as phone, connect(gateway, user) as laptop, connect(gateway, user + "2") as other:
        pushed = gateway.api.push({"user": user}, data={"n": 1})
        assert pushed == {"id": pushed["id"], "accepted": True}
        expected = {"type": "message", "id": pushed["id"], "data": {"n": 1}}
        assert await phone.message() == expected
        assert await laptop.message() == expected
        for client in (phone, laptop, other):
            await client.received_nothing_else(gateway.api)


async def test_push_to_users_reaches_each_once_however_often_named(gateway, user):
    async with (connect(gateway, user) as one, connect(gateway, user + "2") as two,
                connect(gateway, user + "3") as three):
        gateway.api.push({"users": [user, user + "2", user, user, "nobody"]}, text="hi")
        for client in (one, two):
            assert (await client.message())["text"] == "hi"
        for client in (one, two, three):
            await client.received_nothing_else(gateway.api)


async def test_push_to_topic_reaches_its_subscribers_and_names_the_topic(gateway, user):
    topic = f"t/{user}"
    async with connect(gateway, user, topics=topic) as one, connect(gateway, user + "2") as two:
        await two.subscribe(topic)
        pushed = gateway.api.push({"topic": topic}, data=[1], event="goal")
        for client in (one, two):
            assert await client.message() == {"type": "message", "id": pushed["id"], "event": "goal", "topic": topic,
                                              "data": [1]}
        await two.send({"type": "unsubscribe", "topic": topic})
        assert await two.receive() == {"type": "unsubscribed", "topic": topic}
        gateway.api.push({"topic": topic}, data=2)
        assert (await one.message())["data"] == 2
        await two.received_nothing_else(gateway.api)


async def test_push_to_session_reaches_that_device_alone(gateway, user):
    async with connect(gateway, user) as phone, connect(gateway, user) as laptop:
        gateway.api.push({"session": phone.session}, text="only you")
        assert (await phone.message())["text"] == "only you"
        await laptop.received_nothing_else(gateway.api)


async def test_push_to_all_reaches_everyone_on_both_workers(gateway, user):
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connect(gateway, f"{user}{n}")) for n in range(12)]
        pushed = gateway.api.push({"all": True}, data="for everyone")
        for client in clients:
            assert await client.message() == {"type": "message", "id": pushed["id"], "data": "for everyone"}
            await client.received_nothing_else(gateway.api)


async def test_push_to_nobody_is_accepted(gateway, user):
    for to in ({"user": user}, {"topic": user}, {"session": "A" * 22}):
        assert gateway.api.push(to, data=1)["accepted"] is True


async def test_exclude_leaves_out_one_session_or_one_user(gateway, user):
    topic = f"t:{user}"
    async with (connect(gateway, user, topics=topic) as phone, connect(gateway, user, topics=topic) as laptop,
                connect(gateway, user + "2", topics=topic) as other):
        gateway.api.push({"topic": topic}, text="not phone", exclude={"session": phone.session})
        gateway.api.push({"topic": topic}, text="not user", exclude={"user": user})
        gateway.api.push({"user": user}, text="not laptop", exclude={"session": laptop.session})
        gateway.api.push({"all": True}, text="all but user", exclude={"user": user})
        assert [(await phone.message())["text"]] == ["not laptop"]
        assert [(await laptop.message())["text"]] == ["not phone"]
        texts = [(await other.message())["text"] for _ in range(3)]
        assert sorted(texts) == ["all but user", "not phone", "not user"]
        for client in (phone, laptop, other):
            await client.received_nothing_else(gateway.api)


@pytest.mark.parametrize("value", ODD_JSON)
async def test_json_arrives_byte_for_byte(gateway, user, value):
    async with connect(gateway, user) as client, connect(gateway, user, raw=True) as raw:
        message_id = push_body(gateway, {"user": user}, value)
        text = await client.receive_text()
        assert text.encode() == b'{"type":"message","id":"' + message_id.encode() + b'","data":' + value + b"}"
        assert (await raw.receive_text()).encode() == value


@pytest.mark.parametrize("text", ["", "plain", 'quote " backslash \\ slash /', "line\nbreak\ttab\u0000nul", "😀 é"])
async def test_text_arrives_as_an_equal_string(gateway, user, text):
    async with connect(gateway, user) as client, connect(gateway, user, raw=True) as raw:
        gateway.api.push({"user": user}, text=text)
        assert (await client.message())["text"] == text
        assert await raw.receive_text() == text


@pytest.mark.parametrize("base64", ["", "AA==", "AAE=", "AAEC", "/+8="])
async def test_binary_arrives_as_base64_or_as_a_binary_frame(gateway, user, base64):
    async with connect(gateway, user) as client, connect(gateway, user, raw=True) as raw:
        gateway.api.push({"user": user}, base64=base64)
        message = await client.message()
        assert message == {"type": "message", "id": message["id"], "base64": base64}
        received = await raw.receive_text()
        assert isinstance(received, bytes) and b64encode(received).decode() == base64


async def test_large_message_arrives_whole(gateway, user):
    text = "0123456789abcdef" * 60_000
    async with connect(gateway, user) as client:
        gateway.api.push({"user": user}, text=text)
        assert (await client.message())["text"] == text


async def test_raw_format_has_no_frames_but_payloads(gateway, user):
    topic = f"raw:{user}"
    async with connect(gateway, user, raw=True, topics=topic) as client:
        await client.send({"type": "ping"})
        await client.send("no JSON")
        await client.send({"type": "subscribe", "topic": topic + "2"})
        eventually(lambda: gateway.api.get(f"/v1/topics/{topic}2").json["subscribers"] == 1, "subscribed")
        gateway.api.push({"topic": topic + "2"}, data={"first": 1})
        assert await client.receive_text() == '{"first": 1}'


async def test_subscribing_twice_is_answered_and_delivers_once(gateway, user):
    topic = f"t:{user}"
    async with connect(gateway, user, topics=topic) as client:
        await client.subscribe(topic)
        gateway.api.push({"topic": topic}, data=1)
        assert (await client.message())["data"] == 1
        await client.received_nothing_else(gateway.api)
        for _ in range(2):
            await client.send({"type": "unsubscribe", "topic": topic})
            assert await client.receive() == {"type": "unsubscribed", "topic": topic}


async def test_ping_is_answered_and_unknown_members_are_ignored(gateway, user):
    async with connect(gateway, user) as client:
        await client.send({"type": "ping", "unknown": {"deep": [1]}})
        assert await client.receive() == {"type": "pong"}
        await client.send({"type": "ack", "id": "some-id"})
        await client.ping()


async def test_websocket_ping_is_answered(gateway, user):
    async with connect(gateway, user) as client:
        await asyncio.wait_for(await client.socket.ping(b"are you there"), 5)


BAD_MESSAGES = ["no JSON", "", "[]", "1", "{}", '{"type":1}', '{"type":"nonsense"}', '{"type":"subscribe"}',
                '{"type":"subscribe","topic":5}', '{"type":"ack"}', '{"type":"unsubscribe","topic":null}']


@pytest.mark.parametrize("text", BAD_MESSAGES)
async def test_bad_message_is_an_error_and_the_connection_stays(gateway, user, text):
    async with connect(gateway, user) as client:
        await client.send(text)
        await client.error("bad_message")
        await client.ping()


@pytest.mark.parametrize("topic", ["", "a b", "ä", "t" * 129, "a*"])
async def test_invalid_topic_is_an_error_and_the_connection_stays(gateway, user, topic):
    async with connect(gateway, user) as client:
        await client.send({"type": "subscribe", "topic": topic})
        await client.error("topic_invalid")
        await client.ping()


async def test_three_bad_messages_in_a_row_close_with_3501(gateway, user):
    async with connect(gateway, user) as client:
        for _ in range(2):
            await client.send("bad")
            await client.error("bad_message")
        await client.ping()
        for _ in range(3):
            await client.send("bad")
            await client.error("bad_message")
        assert await client.closed() == 3501


async def test_binary_message_closes_with_1003(gateway, user):
    async with connect(gateway, user) as client:
        await client.send(b"\x00")
        assert await client.closed() == 1003


async def test_message_over_the_limit_closes_with_1009(gateway, user):
    async with connect(gateway, user) as client:
        await client.send("x" * (64 * 1024 + 1))
        assert await client.closed() == 1009


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999, None])
def test_close_of_the_client_is_answered_with_its_code(gateway, user, code):
    with wire.RawConnection(gateway.client_port) as client:
        client.send(wire.upgrade(f"/ws?user={user}"))
        client.welcome()
        client.send(wire.close_frame(code))
        assert client.close_code() == code
        assert client.at_end() == b""


@pytest.mark.parametrize(("data", "code"), [
    (wire.frame(wire.TEXT, b"unmasked", mask=False), 1002),
    (wire.frame(3, b""), 1002),
    (wire.frame(wire.PING, b"x" * 126), 1002),
    (wire.frame(wire.PING, b"x", fin=False), 1002),
    (wire.frame(0, b"continuation of nothing"), 1002),
    (wire.frame(wire.TEXT, b"\xff"), 1007),
    (wire.frame(wire.CLOSE, b"\x03"), 1002),
    (wire.close_frame(1005), 1002),
    (b"\x81\xff\xff" + bytes(7) + bytes(4), 1002),
])
def test_broken_frames_close_with_the_code_of_the_rule(gateway, user, data, code):
    with wire.RawConnection(gateway.client_port) as client:
        client.send(wire.upgrade(f"/ws?user={user}"))
        client.welcome()
        client.send(data)
        assert client.close_code() == code


async def test_topic_limit_is_an_error_frame(serve, user):
    gateway = serve({"topics.max_per_connection": 2})
    async with connect(gateway, user, topics="a,b") as client:
        await client.send({"type": "subscribe", "topic": "c"})
        assert (await client.error("topic_limit"))["topic"] == "c"
        await client.subscribe("a")
        await client.send({"type": "unsubscribe", "topic": "a"})
        await client.receive()
        await client.subscribe("c")


async def test_oldest_connection_is_displaced_with_4501_over_the_limit(serve, user):
    gateway = serve({"session.max_connections_per_user": 2})
    async with connect(gateway, user) as oldest, connect(gateway, user) as middle, connect(gateway, user) as newest:
        assert await oldest.closed() == 4501
        gateway.api.push({"user": user}, data=1)
        for client in (middle, newest):
            assert (await client.message())["data"] == 1
        metrics = eventually(lambda: (m := gateway.metrics()).sum("pushwire_evictions_total") == 1 and m, "counted")
        assert metrics.sum("pushwire_disconnects_total", code="4501") == 1


async def test_many_logins_of_one_user_at_once_leave_exactly_the_limit(serve, user):
    gateway = serve({"session.max_connections_per_user": 5})
    async with Swarm(gateway) as swarm:
        clients = await swarm.connect([user] * 60)
        sessions = {session["session"] for session in gateway.api.user(user)["sessions"]}
        assert len(sessions) == 5
        await asyncio.to_thread(eventually, lambda: sum(client.close_code == 4501 for client in clients) == 55, "told")
        pushed = gateway.api.push({"user": user}, data=1)["id"]
        await asyncio.to_thread(eventually, lambda: swarm.received >= 5, "the others get it")
        for client in clients:
            expected = [] if client.close_code == 4501 else [pushed]
            assert [json.loads(message)["id"] for message in client.messages] == expected
    assert gateway.metrics().sum("pushwire_evictions_total") == 55


async def test_newest_connection_is_refused_with_429_when_so_configured(serve, user):
    gateway = serve({"session.max_connections_per_user": 1, "session.on_limit": "reject_new"})
    async with connect(gateway, user) as client:
        answer = await refused(gateway, user)
        assert answer.status_code == 429
        assert json.loads(answer.body)["error"]["code"] == "too_many_connections"
        await client.ping()
    eventually(lambda: not gateway.api.user(user)["online"], "the first has gone")
    async with connect(gateway, user) as client:
        await client.ping()


async def test_kick_closes_with_3503(gateway, user):
    async with connect(gateway, user) as one, connect(gateway, user) as two, connect(gateway, user) as three:
        assert gateway.api.kick(user, one.session) == 1
        assert await one.closed() == 3503
        await two.ping()
        assert gateway.api.kick(user + "2", two.session) == 0
        assert gateway.api.kick(user) == 2
        assert await two.closed() == 3503
        assert await three.closed() == 3503
        assert gateway.api.kick(user) == 0


HEARTBEAT = {"heartbeat.interval": "500ms", "heartbeat.timeout": "1500ms"}


def test_silent_client_is_pinged_and_closed_with_3012(serve, user):
    gateway = serve(HEARTBEAT)
    with wire.RawConnection(gateway.client_port) as client:
        client.send(wire.upgrade(f"/ws?user={user}"))
        assert client.welcome()["heartbeat_ms"] == 500
        connected = time.monotonic()
        opcode, _ = client.frame()
        assert opcode == wire.PING
        assert client.close_code() == 3012
        assert 1.4 <= time.monotonic() - connected <= 3.0


async def test_idle_client_that_answers_pings_stays(serve, user):
    gateway = serve(HEARTBEAT)
    async with connect(gateway, user) as client:
        await asyncio.sleep(3.0)  # twice the time after which silence is closed
        await client.ping()


async def test_process_that_was_stopped_does_not_take_its_clients_for_dead(serve, user):
    gateway = serve({"heartbeat.interval": "1s", "heartbeat.timeout": "3500ms"})
    async with connect(gateway, user) as one, connect(gateway, user + "2") as two:
        gateway.signal(signal.SIGSTOP)
        await asyncio.sleep(4.5)  # longer than heartbeat.timeout
        gateway.signal(signal.SIGCONT)
        await asyncio.sleep(1.0)
        for client in (one, two):
            await client.ping()


async def test_token_expiry_closes_with_3005(serve, user):
    gateway = serve({"auth.mode": "jwt", "auth.hmac_secret": SECRET, "auth.leeway": "1s"})
    expiry = int(time.time()) + 2
    async with connect(gateway, token=token(user, exp=expiry)) as short, connect(gateway, token=token(user)) as long:
        assert await short.closed(8) == 3005
        assert time.time() >= expiry + 1
        await long.ping()


async def test_longest_time_to_live_is_delivered(gateway, user):
    async with connect(gateway, user) as client:
        gateway.api.push({"user": user}, data=1, ttl_ms=86_400_000)
        assert (await client.message())["data"] == 1


async def test_what_outlives_its_time_to_live_is_dropped_and_counted(serve):
    gateway = serve({"node.workers": 1, "outbox.hard_bytes": "64MiB", "outbox.soft_bytes": "64MiB"})
    pushes, clients = 1000, 100
    async with Swarm(gateway) as swarm:
        await swarm.connect([f"u{n}" for n in range(clients)])
        results = await asyncio.to_thread(gateway.api.batch, [{"to": {"all": True}, "data": n, "ttl_ms": 1}
                                                              for n in range(pushes)])
        assert {result["status"] for result in results} == {200}

        def accounted():
            metrics = gateway.metrics()
            expired = metrics.sum("pushwire_drops_total", reason="expired")
            return expired + metrics.sum("pushwire_deliveries_total") == pushes * clients and expired

        expired = await asyncio.to_thread(eventually, accounted, "each message delivered or expired", 20)
        await asyncio.to_thread(eventually, lambda: swarm.received == pushes * clients - expired, "received", 20)


async def test_repeated_id_is_not_delivered_again(gateway, user):
    async with connect(gateway, user) as client:
        message_id = f"id-{time.monotonic_ns()}"
        first = gateway.api.push({"user": user}, data=1, id=message_id)
        assert first == {"id": message_id, "accepted": True}
        for _ in range(2):
            again = gateway.api.push({"user": user}, data=1, id=message_id)
            assert again == {"id": message_id, "accepted": True, "duplicate": True}
        other = gateway.api.request("POST", "/v1/push", {"to": {"user": user}, "data": 2, "id": message_id})
        assert other.status == 409 and other.error["code"] == "conflict"
        assert (await client.message())["id"] == message_id
        await client.received_nothing_else(gateway.api)


async def test_id_is_free_again_after_the_window(serve, user):
    gateway = serve({"dedup.window": "1s"})
    async with connect(gateway, user) as client:
        gateway.api.push({"user": user}, data=1, id="again")

        def accepted_anew():
            return "duplicate" not in gateway.api.push({"user": user}, data=1, id="again")

        await asyncio.to_thread(eventually, accepted_anew, "the id was forgotten")
        assert [(await client.message())["id"] for _ in range(2)] == ["again", "again"]
        await client.received_nothing_else(gateway.api)


async def test_pushes_of_one_caller_arrive_in_order(gateway, user):
    topic = f"order:{user}"
    async with connect(gateway, user, topics=topic) as client:
        with gateway.api.kept() as api:
            for n in range(100):
                api.push({"user": user}, data=n)
        assert [(await client.message())["data"] for _ in range(100)] == list(range(100))
        gateway.api.batch([{"to": {"topic": topic}, "data": n} for n in range(500)])
        assert [(await client.message())["data"] for _ in range(500)] == list(range(500))


async def test_whoever_holds_the_welcome_gets_every_push_answered_after_it(gateway, user):
    for n in range(30):
        async with connect(gateway, f"{user}{n}", topics=f"w:{n}") as client:
            pushed = [gateway.api.push(to, data=n)["id"] for to in
                      ({"user": f"{user}{n}"}, {"topic": f"w:{n}"}, {"all": True}, {"session": client.session})]
            got = []
            while len(got) < len(pushed):
                message = await client.message()
                if message["data"] == n:
                    got.append(message["id"])
                else:  # the push to everyone of the turn before may still be on its way through the other worker
                    assert message["data"] == n - 1
            assert sorted(got) == sorted(pushed)
