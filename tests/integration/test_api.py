"""The server API: routes, answers, and the order in which a request is checked."""

import json
import re
from urllib.parse import quote

import pytest

from support import raw as wire
from support.api import Api
from support.client import connect
from support.raw import RawConnection, request
from support.requests import push_request, push_to
from support.tokens import write_file
from support.waiting import eventually

KEYS = ["first-key-of-the-tests", "second-key-of-the-tests"]
MAX_BODY = 4096


@pytest.fixture(scope="module")
def keyed(serve_module):
    """With API keys and a small body limit."""
    return serve_module({"auth.mode": "dev", "api.keys": ",".join(KEYS), "api.max_body_bytes": MAX_BODY}, key=KEYS[0])


# Each entry breaks one rule more than the entry below it.
BIG = b'{"to":{' + b" " * MAX_BODY
ORDER = [
    (401, {"method": "GET", "path": "/v1/nothing", "key": "wrong", "type": "text/plain", "body": BIG}),
    (401, {"method": "GET", "path": "/v1/push", "key": "wrong", "type": "text/plain", "body": BIG}),
    (404, {"method": "GET", "path": "/v1/nothing", "type": "text/plain", "body": BIG}),
    (405, {"method": "PUT", "type": "text/plain", "body": BIG}),
    (415, {"type": "text/plain", "body": BIG}),
    (413, {"body": BIG}),
    (400, {"body": b'{"to":{"user":""},"data":1,"id":"used"'}),
    (400, {"body": b'{"to":{"user":""},"data":1,"id":"used","id":"used"}'}),
    (422, {"body": b'{"to":{"user":""},"data":1,"id":"used"}'}),
    (409, {"body": b'{"to":{"user":"u"},"data":2,"id":"used"}'}),
]


@pytest.mark.parametrize(("status", "broken"), ORDER, ids=[f"{n}-{entry[0]}" for n, entry in enumerate(ORDER)])
def test_checks_are_made_in_the_published_order(keyed, status, broken):
    keyed.api.push({"user": "u"}, data=1, id="used")
    answer = keyed.api.request(broken.get("method", "POST"), broken.get("path", "/v1/push"), broken["body"],
                               {"Content-Type": broken.get("type", "application/json"),
                                "Authorization": f"Bearer {broken.get('key', KEYS[0])}"})
    assert answer.status == status and answer.error["code"] and answer.error["message"]


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {KEYS[0]}",
                                           f"Bearer {KEYS[0]}x", f"Bearer {KEYS[0][:-1]}"])
@pytest.mark.parametrize("path", ["/v1/nodes", "/v1/users/u", "/v1/nothing"])
def test_missing_or_wrong_key_is_401_with_challenge(keyed, path, authorization):
    answer = keyed.api.request("GET", path, headers={"Authorization": authorization})
    assert answer.status == 401 and answer.error["code"] == "unauthorized"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_each_key_of_list_and_file_is_taken(serve, tmp_path):
    keys_file = write_file(tmp_path / "keys", "# who: why\nkey-from-the-file-1\n\nkey-from-the-file-2\n")
    gateway = serve({"api.keys": ",".join(KEYS), "api.keys_file": keys_file}, key=KEYS[0])
    for key in [*KEYS, "key-from-the-file-1", "key-from-the-file-2"]:
        Api(gateway.api_port, key).get("/v1/nodes")
    for key in ("# who: why", "who: why"):
        Api(gateway.api_port, key).get("/v1/nodes", status=401)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.yaml"])
def test_operations_paths_need_no_key(keyed, path):
    assert Api(keyed.api_port).get(path).body


def test_unknown_path_is_404(gateway):
    for path in ("/", "/v1", "/v1/push/", "/v1/Push", "/v1/users", "/v1/users/", "/ws", "/dev/api/v1/stats", "/v2"):
        assert gateway.api.get(path, status=404).error["code"] == "not_found"


@pytest.mark.parametrize(("method", "path", "allowed"), [
    ("GET", "/v1/push", {"POST"}), ("HEAD", "/v1/push", {"POST"}), ("DELETE", "/v1/push/batch", {"POST"}),
    ("POST", "/v1/users/u", {"GET", "HEAD"}), ("GET", "/v1/users/u/sessions", {"DELETE"}),
    ("POST", "/v1/topics/t", {"GET", "HEAD"}), ("PUT", "/healthz", {"GET", "HEAD"}), ("OPTIONS", "/v1/push", {"POST"}),
])
def test_other_method_is_405_with_allow(gateway, method, path, allowed):
    answer = gateway.api.request(method, path)
    assert answer.status == 405
    assert set(re.split(r",\s*", answer.headers["Allow"])) == allowed


@pytest.mark.parametrize(("headers", "status"), [
    ({"Content-Type": "application/json"}, 200), ({"Content-Type": "Application/JSON; charset=UTF-8"}, 200),
    ({"Content-Type": 'application/json;charset="utf-8"'}, 200), ({"Content-Type": None}, 415),
    ({"Content-Type": "text/plain"}, 415), ({"Content-Type": "application/json; charset=latin1"}, 415),
    ({"Content-Type": "application/jsonx"}, 415), ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ({"Content-Encoding": "gzip"}, 415),
])
def test_content_type_other_than_json_is_415(gateway, headers, status):
    assert gateway.api.request("POST", "/v1/push", push_to("u"), headers).status == status


def test_body_over_the_limit_is_413(keyed):
    fits = json.dumps(push_to("u", ""))
    fits = fits[:-2] + "x" * (MAX_BODY - len(fits)) + fits[-2:]
    assert keyed.api.request("POST", "/v1/push", fits).status == 200
    assert keyed.api.request("POST", "/v1/push", fits + " ").status == 413
    chunked = request("POST", "/v1/push", [("Host", "a"), ("Authorization", f"Bearer {KEYS[0]}"),
                                           ("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
    with RawConnection(keyed.api_port) as connection:
        connection.send(chunked + b"1001\r\n" + b" " * 0x1001)
        assert connection.reply().status == 413


@pytest.mark.parametrize("body", [b"", b" ", b"nonsense", b"{", b'{"to":{"user":"u"},"data":tru}', b"{}{}", b"{} x",
                                  b'{"to":{"user":"u"},"data":01}', b"{'to':1}", b'{"to":{"user":"u"},"data":1,}',
                                  b'{"to":{"user":"\xff"},"data":1}', b"[" * 100_000, b'{"to":{"user":"u"},"data":NaN}',
                                  b'\xef\xbb\xbf{"to":{"user":"u"},"data":1}', b'{"to":{"user":"u"},"data":"\x01"}'])
def test_not_json_is_400_with_the_place(gateway, body):
    error = (answer := gateway.api.request("POST", "/v1/push", body)).error
    assert answer.status == 400 and error["code"] == "bad_json" and 0 <= error["byte"] <= len(body)


def test_place_of_the_mistake_is_its_byte(gateway):
    body = b'{"to":{"user":"u"},"data":?}'
    assert gateway.api.request("POST", "/v1/push", body).error["byte"] == body.index(b"?")


@pytest.mark.parametrize("body", [b'{"to":{"user":"u"},"data":1,"data":1}', b'{"to":{"user":"u","user":"u"},"data":1}',
                                  b'{"to":{"user":"u"},"to":{"user":"u"},"data":1}',
                                  b'{"to":{"user":"u"},"data":1,"d\\u0061ta":1}'])
def test_member_twice_is_400(gateway, body):
    assert gateway.api.request("POST", "/v1/push", body).status == 400


@pytest.mark.parametrize(("body", "field"), [
    ({"data": 1}, "to"), ({"to": {}, "data": 1}, "to"), ({"to": "alice", "data": 1}, "to"),
    ({"to": {"user": "u", "all": True}, "data": 1}, "to"), ({"to": {"usr": "u"}, "data": 1}, "to.usr"),
    (push_to(""), "to.user"), (push_to("u" * 129), "to.user"), (push_to("é" * 65), "to.user"), (push_to(5), "to.user"),
    (push_to("a\u0001"), "to.user"), (push_to("a\u0085"), "to.user"),
    ({"to": {"users": []}, "data": 1}, "to.users"), ({"to": {"users": "u"}, "data": 1}, "to.users"),
    ({"to": {"users": ["u"] * 1001}, "data": 1}, "to.users"),
    ({"to": {"topic": "a b"}, "data": 1}, "to.topic"), ({"to": {"topic": "t" * 129}, "data": 1}, "to.topic"),
    ({"to": {"session": "short"}, "data": 1}, "to.session"), ({"to": {"all": False}, "data": 1}, "to.all"),
    ({**push_to("u"), "more": 1}, "more"), ({**push_to("u"), "event": "e" * 129}, "event"),
    ({**push_to("u"), "event": 1}, "event"), ({**push_to("u"), "id": ""}, "id"), ({**push_to("u"), "id": "a b"}, "id"),
    ({**push_to("u"), "id": "i" * 65}, "id"), ({**push_to("u"), "ttl_ms": 0}, "ttl_ms"),
    ({**push_to("u"), "ttl_ms": 86_400_001}, "ttl_ms"), ({**push_to("u"), "ttl_ms": 1.5}, "ttl_ms"),
    ({**push_to("u"), "ttl_ms": "1"}, "ttl_ms"), ({**push_to("u"), "exclude": {}}, "exclude"),
    ({**push_to("u"), "exclude": {"user": "a", "session": "A" * 22}}, "exclude"),
    ({**push_to("u"), "exclude": {"user": ""}}, "exclude.user"),
    ({"to": {"user": "u"}, "base64": "AA"}, "base64"), ({"to": {"user": "u"}, "base64": "AB=="}, "base64"),
    ({"to": {"user": "u"}, "base64": "-_8="}, "base64"), ({"to": {"user": "u"}, "base64": "AA==\n"}, "base64"),
    ({"to": {"user": "u"}, "text": "\ud800"}, "text"), ({"to": {"user": "u"}, "text": 5}, "text"),
])
def test_well_formed_but_invalid_is_422_with_the_field(gateway, body, field):
    answer = gateway.api.request("POST", "/v1/push", body)
    assert answer.status == 422 and answer.error["code"] == "invalid" and answer.error["field"] == field


@pytest.mark.parametrize("body", [{"to": {"user": "u"}}, {**push_to("u"), "text": "t"}, [], 1, "text", None,
                                  {"to": {"users": ["u", ""]}, "data": 1}])
def test_more_that_is_422(gateway, body):
    text = json.dumps(body)
    assert gateway.api.request("POST", "/v1/push", text).status == 422


def test_limits_themselves_are_accepted(gateway):
    gateway.api.push({"users": ["u" * 128] * 1000}, data=None, event="e" * 128, id="i" * 64, ttl_ms=1)
    gateway.api.push({"topic": "t" * 128}, text="", event="")


async def test_batch_answers_each_push_in_order(gateway, user):
    async with connect(gateway, user) as client:
        results = gateway.api.batch([push_to(user, 0), {"to": {}, "data": 1}, {**push_to(user, 2), "id": f"b-{user}"},
                                     {"to": {"user": ""}, "data": 3}, {**push_to(user, 2), "id": f"b-{user}"},
                                     {**push_to(user, 5), "id": f"b-{user}"}, "no object"])
        assert [result["status"] for result in results] == [200, 422, 200, 422, 200, 409, 422]
        assert results[2] == {"status": 200, "id": f"b-{user}", "accepted": True}
        assert results[4] == {"status": 200, "id": f"b-{user}", "accepted": True, "duplicate": True}
        assert results[1]["error"]["field"] == "pushes[1].to"
        assert results[3]["error"]["field"] == "pushes[3].to.user"
        assert [(await client.message())["data"] for _ in range(2)] == [0, 2]
        await client.received_nothing_else(gateway.api)


@pytest.mark.parametrize(("body", "field"), [({"pushes": []}, "pushes"), ({}, "pushes"), ({"pushes": {}}, "pushes"),
                                             ({"pushes": [push_to("u")] * 1001}, "pushes"),
                                             ({"pushes": [push_to("u")], "more": 1}, "more")])
def test_batch_of_a_wrong_form_is_422(gateway, body, field):
    answer = gateway.api.request("POST", "/v1/push/batch", body)
    assert answer.status == 422 and answer.error["field"] == field


def test_batch_of_the_largest_size_is_accepted(gateway):
    results = gateway.api.batch([push_to("nobody")] * 1000)
    assert [result["status"] for result in results] == [200] * 1000
    assert len({result["id"] for result in results}) == 1000


async def test_ndjson_is_answered_line_by_line(gateway, user):
    lines = [json.dumps(push_to(user, 0)).encode(), b'{"to":', json.dumps({"to": {}, "data": 1}).encode(),
             json.dumps(push_to(user, 3)).encode()]
    async with connect(gateway, user) as client:
        for ending in (b"", b"\n"):
            answer = gateway.api.request("POST", "/v1/push/batch", b"\n".join(lines) + ending,
                                         {"Content-Type": "application/x-ndjson"})
            assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/x-ndjson")
            assert answer.body.endswith(b"}\n")
            results = [json.loads(line) for line in answer.body.splitlines()]
            assert [result["status"] for result in results] == [200, 400, 422, 200]
            assert results[1]["error"]["code"] == "bad_json"
            assert [(await client.message())["data"] for _ in range(2)] == [0, 3]


async def test_user_shows_sessions_with_their_devices(gateway, user):
    name = f"{user}/ é%"
    async with connect(gateway, name, device="phone", topics="b,a") as phone, connect(gateway, name) as other:
        await other.ping()
        found = gateway.api.user(name)
        assert (found["user"], found["online"], len(found["sessions"])) == (name, True, 2)
        first, second = found["sessions"]
        assert (first["session"], second["session"]) == (phone.session, other.session)
        assert (first["device"], second["device"]) == ("phone", "")
        assert (sorted(first["topics"]), second["topics"]) == (["a", "b"], [])
        assert first["node"] == "n1"
        assert first["remote"] == "{}:{}".format(*phone.socket.local_address)
        for moment in ("connected_at", "last_seen_at"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first[moment])
        assert first["connected_at"] <= first["last_seen_at"]
    gone = {"user": name, "online": False, "sessions": [], "complete": True}
    eventually(lambda: gateway.api.user(name) == gone, "gone")


@pytest.mark.parametrize(("path", "status"), [("/v1/users/%", 400), ("/v1/users/%zz", 400), ("/v1/users/%ff", 400),
                                              ("/v1/users/%00", 400), (f"/v1/users/{'u' * 129}", 422),
                                              ("/v1/topics/a%20b", 422), (f"/v1/topics/{'t' * 129}", 422)])
def test_bad_id_in_the_path_is_refused(gateway, path, status):
    assert gateway.api.get(path, status=status).error["message"]


def test_closing_nobody_closes_none(gateway, user):
    assert gateway.api.kick(user) == 0
    assert gateway.api.kick(user, "A" * 22) == 0


async def test_topic_counts_its_subscribers(gateway, user):
    topic = f"a/b:{user}"[:128]

    def subscribers():
        found = gateway.api.get(f"/v1/topics/{quote(topic, safe='')}").json
        assert found["topic"] == topic
        return found["subscribers"]

    assert subscribers() == 0
    async with connect(gateway, user, topics=topic), connect(gateway, user + "2") as other:
        await other.subscribe(topic)
        assert subscribers() == 2
    eventually(lambda: subscribers() == 0, "both left")


async def test_nodes_and_stats_count_this_node(serve):
    gateway = serve({"node.name": "the-node"})
    async with connect(gateway, "a", topics="x,y"), connect(gateway, "a", topics="x"), connect(gateway, "b"):

        def counted():
            stats = gateway.api.get("/v1/stats").json
            expected = {"connections": 3, "users": 2, "topics": 2, "subscriptions": 3}
            return expected.items() <= stats.items() and stats

        stats = eventually(counted, "stats count")
        assert (stats["node"], stats["draining"]) == ("the-node", False)
        (node,) = gateway.api.get("/v1/nodes").json["nodes"]
        assert (node["name"], node["connections"], node["users"], node["self"]) == ("the-node", 3, 2, True)
        assert node["version"] and node["uptime_s"] >= 0


def test_health_and_readiness(gateway):
    assert gateway.api.get("/healthz").json == {"status": "ok"}
    assert gateway.api.get("/readyz").json == {"status": "ok"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.yaml", "/v1/users/u", "/v1/nodes", "/v1/topics/t"])
def test_head_answers_as_get_without_a_body(gateway, path):
    with RawConnection(gateway.api_port) as connection:
        connection.send(request("HEAD", path, [("Host", "localhost")]) + request("GET", path, [("Host", "localhost")]))
        head, get = connection.reply(head_only=True), connection.reply()
    assert head.status == get.status == 200
    if path != "/v1/nodes":
        assert head.headers["content-length"] == get.headers["content-length"]
    assert head.headers["content-type"] == get.headers["content-type"]


def test_pipelined_requests_are_answered_in_order(gateway):
    with RawConnection(gateway.api_port) as connection:
        connection.send(b"".join(request("GET", f"/v1/users/u{n}", [("Host", "localhost")]) for n in range(50))
                        + push_request(push_to("u")) + request("GET", "/nothing", [("Host", "localhost")]))
        assert [json.loads(connection.reply().body)["user"] for _ in range(50)] == [f"u{n}" for n in range(50)]
        assert [connection.reply().status for _ in range(2)] == [200, 404]


def test_connection_is_kept_alive_until_asked_otherwise(gateway):
    with RawConnection(gateway.api_port) as connection:
        for _ in range(3):
            connection.send(push_request(push_to("u")))
            assert connection.reply().status == 200
        connection.send(push_request({"to": {}}) + push_request(push_to("u"), [("Connection", "close")]))
        assert [connection.reply().status for _ in range(2)] == [422, 200]
        assert connection.at_end() == b""


def test_expect_100_continue_is_answered_before_the_body(keyed):
    body = json.dumps(push_to("u")).encode()
    headers = [("Authorization", f"Bearer {KEYS[0]}"), ("Expect", "100-continue")]
    with RawConnection(keyed.api_port) as connection:
        connection.send(push_request(body, headers).removesuffix(body))
        assert connection.reply().status == 100
        connection.send(body)
        assert connection.reply().status == 200


@pytest.mark.parametrize(("headers", "status"), [
    ([("Authorization", "Bearer wrong")], 401),
    ([("Authorization", f"Bearer {KEYS[0]}"), ("Content-Length", "1000000")], 413),
    ([("Authorization", f"Bearer {KEYS[0]}"), ("Content-Type", "text/plain")], 415),
])
def test_expect_100_continue_is_refused_without_reading_the_body(keyed, headers, status):
    with RawConnection(keyed.api_port) as connection:
        body = json.dumps(push_to("u")).encode()
        connection.send(push_request(body, [*headers, ("Expect", "100-continue")]).removesuffix(body))
        assert connection.reply().status == status


@pytest.mark.parametrize("headers", [
    [("Content-Length", "5"), ("Transfer-Encoding", "chunked")], [("Transfer-Encoding", "chunked, identity")],
    [("Transfer-Encoding", "xchunked")], [("Content-Length", "+5")], [("Content-Length", "5, 5")],
    [("Content-Length", "5"), ("Content-Length", "6")], [("Content-Length", "-1")], [("Content-Length", "5x")],
    [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")], [("Content-Length ", "5")],
])
def test_ambiguous_length_is_refused_and_nothing_behind_it_is_read(gateway, headers):
    behind = push_request(push_to("u"))
    reply = wire.refusal(gateway.api_port, request("POST", "/v1/push", [("Host", "localhost"),
                                                                        ("Content-Type", "application/json"), *headers],
                                                   b"0\r\n\r\n" + behind))
    assert reply.status in (400, 501), reply


def test_slow_request_is_408(serve):
    gateway = serve({"api.request_timeout": "500ms"})
    body = json.dumps(push_to("u")).encode()
    assert wire.refusal(gateway.api_port, push_request(body)[:30]).status == 408
    assert wire.refusal(gateway.api_port, push_request(body)[:-1]).status == 408


@pytest.mark.parametrize(("host", "status"), [
    ("localhost", 200), ("LOCALHOST:{port}", 200), ("127.0.0.1:{port}", 200), ("127.1.2.3", 200), ("[::1]:{port}", 200),
    ("evil.example", 403), ("evil.example:{port}", 403), ("localhost.evil.example", 403), ("10.0.0.1", 403),
    ("127.0.0.1.evil.example", 403), ("[::2]", 403),
])
def test_host_has_to_be_loopback_without_keys(gateway, keyed, host, status):
    """A page of another site that a browser resolves to 127.0.0.1 must not be able to push."""
    host = host.format(port=gateway.api_port)
    with RawConnection(gateway.api_port) as connection:
        connection.send(push_request(push_to("u"), host=host))
        assert connection.reply().status == status
    with RawConnection(keyed.api_port) as connection:
        connection.send(push_request(push_to("u"), [("Authorization", f"Bearer {KEYS[0]}")], host=host))
        assert connection.reply().status == 200


def test_without_keys_authorization_is_ignored(gateway):
    assert gateway.api.request("GET", "/v1/nodes", headers={"Authorization": "Bearer whatever"}).status == 200
