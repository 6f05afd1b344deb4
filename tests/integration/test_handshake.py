"""Every refusal before 101, in the order in which the checks are made, written byte by byte."""

import socket
import time
from urllib.parse import quote

import pytest

from support import raw as wire
from support.raw import RawConnection, refusal, upgrade
from support.tokens import OTHER_SECRET, SECRET, token

ORIGIN = "https://app.example"
LIMITED = "limited-user"


@pytest.fixture(scope="module")
def gateway(serve_module):
    return serve_module({"auth.hmac_secret": SECRET, "client.allowed_origins": f"{ORIGIN},http://Other.example:8080",
                         "topics.allow": "news.*,exact", "topics.max_per_connection": 2,
                         "session.max_connections_per_user": 1, "session.on_limit": "reject_new",
                         "client.handshake_timeout": "1s"})


@pytest.fixture(scope="module")
def dev(serve_module):
    return serve_module({"auth.mode": "dev"})


def bearer(user="alice", **options):
    return ("Authorization", f"Bearer {token(user, **options)}")


def accepted(gateway, data):
    """The welcome; the connection is closed again and has gone when this returns."""
    with RawConnection(gateway.client_port) as connection:
        connection.send(data)
        reply = connection.reply()
        assert reply.status == 101, reply
        assert connection.frame()[1].startswith(b'{"type":"welcome"')
        connection.send(wire.close_frame(1000))
        connection.at_end()
    return reply


def welcome_user(gateway, target, *extra):
    with RawConnection(gateway.client_port) as connection:
        connection.send(upgrade(target, extra))
        welcome = connection.welcome()
        connection.send(wire.close_frame(1000))
        connection.at_end()
    return welcome["user"]


def refused(gateway, data, status):
    """A JSON error, `Connection: close`, and the end."""
    reply = refusal(gateway.client_port, data)
    assert reply.status == status, reply
    assert reply.headers["connection"].lower() == "close"
    assert reply.error["code"] and reply.error["message"]
    return reply


# Each entry breaks one rule more than the entry below it, so that the answer shows which check came first.
ORDER = [
    (404, {"target": "/nowhere?user=%zz&topics=x%20y", "method": "POST", "ws_version": "12"}),
    (405, {"target": "/ws?user=%zz&topics=x%20y", "method": "POST", "ws_version": "12"}),
    (400, {"target": "/ws?user=%zz&topics=x%20y", "ws_version": "12"}),
    (426, {"target": "/ws?topics=x%20y", "ws_version": "12"}),
    (403, {"target": "/ws?topics=x%20y"}),
    (401, {"target": "/ws?topics=x%20y", "origin": ORIGIN}),
    (400, {"target": "/ws?topics=x%20y,forbidden,exact", "origin": ORIGIN, "good_token": True}),
    (403, {"target": "/ws?topics=forbidden,exact,news.1", "origin": ORIGIN, "good_token": True}),
    (400, {"target": "/ws?topics=news.2,exact,news.1", "origin": ORIGIN, "good_token": True}),
    (429, {"target": "/ws?topics=exact,news.1", "origin": ORIGIN, "good_token": True}),
]


@pytest.mark.parametrize(("status", "broken"), ORDER, ids=[f"{n}-{entry[0]}" for n, entry in enumerate(ORDER)])
def test_checks_are_made_in_the_published_order(gateway, status, broken):
    options = dict(broken)
    target = options.pop("target")
    secret = SECRET if options.pop("good_token", False) else OTHER_SECRET
    headers = [("Origin", options.pop("origin", "https://evil.example")), bearer(LIMITED, key=secret)]
    with RawConnection(gateway.client_port) as holder:
        holder.send(upgrade("/ws", [bearer(LIMITED)]))
        holder.welcome()
        refused(gateway, upgrade(target, headers, **options), status)
        holder.send(wire.close_frame(1000))
        holder.at_end()


def test_unknown_path_is_404(gateway):
    for target in ("/", "/ws/", "/WS", "/dev/api/v1/stats", "/v1/push", "/metrics"):
        assert refused(gateway, upgrade(target, [bearer()]), 404).error["code"] == "not_found"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_405_with_allow(gateway, method):
    assert "GET" in refused(gateway, upgrade("/ws", [bearer()], method=method), 405).headers["allow"]


@pytest.mark.parametrize("query", ["user=%", "user=%4", "user=%zz", "user=%00", "device=a%00b", "user=%ff",
                                   "device=%c3", "user=a&user=b", "topics=news.1&topics=exact", "token=a&token=b",
                                   "device=a&device=a", "format=raw&format=raw", f"device={'d' * 65}"])
def test_bad_query_is_400(gateway, query):
    refused(gateway, upgrade(f"/ws?{query}", [bearer()]), 400)


def test_unknown_key_twice_is_no_mistake(gateway):
    accepted(gateway, upgrade("/ws?other=1&other=2", [bearer()]))


@pytest.mark.parametrize("key", [None, "", "short", wire.basic_key(15), wire.basic_key(17), "dGhlIHNhbXBsZSBub25jZR=="])
def test_bad_key_is_400(gateway, key):
    refused(gateway, upgrade("/ws", [bearer()], key=key), 400)


@pytest.mark.parametrize("data", [
    b"nonsense\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET /ws HTTP/1.1\r\n\r\n",
    upgrade("/ws", host=None),
    upgrade("/ws", [("Host", "second")]),
    upgrade("/ws", [("Content-Length", "5"), ("Transfer-Encoding", "chunked")]),
    upgrade("/ws", [("Content-Length", "1"), ("Content-Length", "2")]),
], ids=range(7))
def test_malformed_request_is_400(gateway, data):
    assert refused(gateway, data, 400)


def test_head_over_the_limit_is_431(gateway):
    refused(gateway, upgrade("/ws", [("X-Big", "x" * 20_000)]), 431)
    refused(gateway, upgrade("/ws", [(f"X-{n}", "1") for n in range(200)]), 431)


def test_slow_head_is_408(gateway):
    started = time.monotonic()
    refused(gateway, upgrade("/ws", [bearer()])[:-4], 408)
    assert 0.8 <= time.monotonic() - started <= 3.0


def test_trickling_does_not_extend_the_time_for_the_head(gateway):
    data = upgrade("/ws", [bearer()])
    started = time.monotonic()
    with RawConnection(gateway.client_port) as connection:
        connection.socket.settimeout(0.1)
        received = b""
        for byte in data:
            connection.send(bytes([byte]))
            try:
                received = connection.socket.recv(4096)
                break
            except TimeoutError:
                assert time.monotonic() - started < 5
    assert received.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - started <= 3.0


@pytest.mark.parametrize("version", [None, "12", "8", "x", "13, 8"])
def test_other_websocket_version_is_426_and_names_ours(gateway, version):
    reply = refused(gateway, upgrade("/ws", [bearer()], ws_version=version), 426)
    assert reply.headers["sec-websocket-version"] == "13" and reply.headers["upgrade"].lower() == "websocket"


def test_plain_get_is_426(gateway):
    reply = refused(gateway, wire.request("GET", "/ws", [("Host", "a"), bearer()]), 426)
    assert reply.headers["sec-websocket-version"] == "13" and reply.headers["upgrade"].lower() == "websocket"


@pytest.mark.parametrize("origins", [["https://evil.example"], ["http://app.example"], ["https://app.example:444"],
                                     ["https://app.example.evil"], ["https://sub.app.example"], ["null"], [""],
                                     [ORIGIN, ORIGIN], [f"{ORIGIN}, {ORIGIN}"], ["https://127.0.0.1"]])
def test_foreign_origin_is_403(gateway, origins):
    # The last one equals Host, which is no reason to let it in (DNS rebinding).
    headers = [("Origin", origin) for origin in origins]
    assert refused(gateway, upgrade("/ws", [bearer(), *headers]), 403)


@pytest.mark.parametrize("origin", [ORIGIN, "HTTPS://APP.Example", "http://other.example:8080", None])
def test_listed_origin_in_any_case_and_no_origin_pass(gateway, origin):
    accepted(gateway, upgrade("/ws", [bearer(), ("Origin", origin)]))


def test_any_origin_passes_when_the_list_says_so(serve):
    gateway = serve({"client.allowed_origins": "*"})
    for origin in ("null", "https://evil.example", None):
        accepted(gateway, upgrade("/ws?user=a", [("Origin", origin)]))


def test_dev_auth_adds_its_two_origins_and_no_other(dev):
    port = dev.client_port
    for origin in (f"http://127.0.0.1:{port}", f"http://localhost:{port}", f"http://LOCALHOST:{port}"):
        accepted(dev, upgrade("/ws?user=a", [("Origin", origin)]))
    for origin in (f"http://127.0.0.1:{port + 1}", f"https://127.0.0.1:{port}", "http://localhost", "null",
                   f"http://localhost.evil:{port}", f"http://127.0.0.2:{port}"):
        refused(dev, upgrade("/ws?user=a", [("Origin", origin)]), 403)


@pytest.mark.parametrize(("headers", "code"), [
    ([], "token_missing"), ([("Authorization", "Bearer")], "token_missing"),
    ([("Authorization", "Basic YTpi")], "token_missing"), ([("Authorization", "Bearer x.y.z")], "token_invalid"),
    ([bearer(key=OTHER_SECRET)], "token_invalid"), ([bearer(exp=1)], "token_expired"),
], ids=range(6))
def test_missing_or_bad_token_is_401_with_challenge(gateway, headers, code):
    reply = refused(gateway, upgrade("/ws?user=alice", headers), 401)
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert reply.error["code"] == code


@pytest.mark.parametrize("target", ["/ws", "/ws?user=", "/ws?user=%01", "/ws?user=%C2%85", f"/ws?user={'u' * 129}"])
def test_missing_or_bad_user_is_401_in_dev_auth(dev, target):
    refused(dev, upgrade(target), 401)


def test_first_present_token_source_counts(gateway):
    good, bad = token("alice"), token("alice", OTHER_SECRET)

    def protocols(value):
        return ("Sec-WebSocket-Protocol", f"pushwire.v1, bearer.{value}")

    accepted(gateway, upgrade(f"/ws?token={bad}", [("Authorization", f"Bearer {good}"), protocols(bad)]))
    refused(gateway, upgrade(f"/ws?token={good}", [("Authorization", f"Bearer {bad}"), protocols(good)]), 401)
    accepted(gateway, upgrade(f"/ws?token={bad}", [protocols(good)]))
    refused(gateway, upgrade(f"/ws?token={good}", [protocols(bad)]), 401)
    accepted(gateway, upgrade(f"/ws?token={good}"))
    refused(gateway, upgrade(f"/ws?token={bad}"), 401)


def test_answer_names_the_protocol_and_never_the_token(gateway):
    good = token("alice")
    answers = {
        f"pushwire.v1, bearer.{good}": "pushwire.v1",
        f"bearer.{good}, pushwire.v1": "pushwire.v1",
        f"other, pushwire.v1,bearer.{good}": "pushwire.v1",
        "pushwire.v1": "pushwire.v1",
        "other, unknown": None,
    }
    for offered, named in answers.items():
        with_token = f"/ws?token={good}" if "bearer" not in offered else "/ws"
        reply = accepted(gateway, upgrade(with_token, [("Sec-WebSocket-Protocol", offered)]))
        assert reply.headers.get("sec-websocket-protocol") == named
    refused(gateway, upgrade("/ws", [("Sec-WebSocket-Protocol", f"bearer.{good}")]), 400)
    assert good not in gateway.stderr()


def test_user_in_the_query_is_ignored_with_tokens(gateway):
    assert welcome_user(gateway, "/ws?user=mallory", bearer("alice")) == "alice"


def test_plus_is_a_space_and_percent_is_decoded(dev):
    assert welcome_user(dev, "/ws?user=a+b%2Bc%20%C3%A9") == "a b+c é"
    assert welcome_user(dev, f"/ws?user={quote('😀', safe='')}") == "😀"


def test_topics_in_the_query_are_checked(gateway):
    accepted(gateway, upgrade("/ws?topics=news.1,exact", [bearer()]))
    assert refused(gateway, upgrade("/ws?topics=a%20b", [bearer()]), 400).error["code"] == "topic_invalid"
    assert refused(gateway, upgrade("/ws?topics=exactly", [bearer()]), 403).error["code"] == "topic_forbidden"
    assert refused(gateway, upgrade("/ws?topics=news.1,news.2,news.3", [bearer()]), 400).error["code"] == "topic_limit"


def test_refused_upgrade_is_the_last_request_of_its_connection(gateway):
    """What follows a refused upgrade is never read as a request (smuggling through proxies)."""
    behind = upgrade("/ws", [bearer()])
    for first, status in ((upgrade("/ws"), 401), (upgrade("/nowhere"), 404),
                          (upgrade("/ws", [bearer()], ws_version="12"), 426),
                          (wire.request("POST", "/ws", [("Host", "a"), ("Content-Length", str(len(behind)))]), 405)):
        refused(gateway, first + behind, status)


def test_frames_sent_right_behind_the_handshake_are_read(gateway):
    with RawConnection(gateway.client_port) as connection:
        connection.send(upgrade("/ws", [bearer("early")]) + wire.frame(wire.TEXT, '{"type":"ping"}'))
        connection.welcome()
        assert connection.frame() == (wire.TEXT, b'{"type":"pong"}')
        connection.send(wire.close_frame(1000))
        connection.at_end()


def test_handshake_in_pieces_of_one_byte_is_accepted(gateway):
    with RawConnection(gateway.client_port) as connection:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in upgrade("/ws", [bearer("slow-but-alive")]):
            connection.send(bytes([byte]))
        assert connection.welcome()["user"] == "slow-but-alive"


def test_outcomes_are_counted_by_their_code(serve):
    gateway = serve({"auth.mode": "jwt", "auth.hmac_secret": SECRET})
    accepted(gateway, upgrade("/ws", [bearer()]))
    refused(gateway, upgrade("/ws"), 401)
    code = refused(gateway, upgrade("/nowhere"), 404).error["code"]
    metrics = gateway.metrics()
    for result in ("accepted", "token_missing", code):
        assert metrics.sum("pushwire_handshakes_total", result=result) == 1
