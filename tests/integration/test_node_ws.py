"""The npm package `ws`, which connects the way a browser does: with the token as a subprotocol."""

import pytest

from support.node import NodeClient
from support.tokens import OTHER_SECRET, SECRET, token
from support.waiting import eventually


@pytest.fixture(scope="module")
def gateway(serve_module):
    return serve_module({"auth.hmac_secret": SECRET, "topics.allow": "*", "session.max_connections_per_user": 2,
                         "heartbeat.interval": "500ms", "heartbeat.timeout": "1500ms"})


def client(gateway, user, query="", **options):
    return NodeClient(f"{gateway.ws_url}{query}", ["pushwire.v1", f"bearer.{token(user)}"], **options)


def opened(connected):
    """Takes the open event, checks that the answer named our protocol alone; returns the welcome."""
    assert connected.event("open")["protocol"] == "pushwire.v1"
    return connected.frame()


def test_connects_by_subprotocol_token_and_receives(gateway, user):
    with client(gateway, user, "?topics=news&device=node") as node:
        welcome = opened(node)
        assert (welcome["type"], welcome["user"], welcome["topics"]) == ("welcome", user, ["news"])
        first = gateway.api.push({"user": user}, data={"n": 1.50}, event="e")
        second = gateway.api.push({"topic": "news"}, text="é")
        assert node.frame() == {"type": "message", "id": first["id"], "event": "e", "data": {"n": 1.5}}
        assert node.frame() == {"type": "message", "id": second["id"], "topic": "news", "text": "é"}


def test_speaks_the_client_protocol(gateway, user):
    with client(gateway, user) as node:
        opened(node)
        node.send({"type": "subscribe", "topic": "a/b"})
        assert node.frame() == {"type": "subscribed", "topic": "a/b"}
        node.send({"type": "ping"})
        assert node.frame() == {"type": "pong"}


def test_receives_binary_frames_in_the_raw_format(gateway, user):
    with client(gateway, user, "?format=raw") as node:
        node.event("open")
        gateway.api.push({"user": user}, base64="AAEC/w==")
        assert node.event("binary")["base64"] == "AAEC/w=="


def test_is_refused_with_401_with_a_token_of_another_secret(gateway, user):
    protocols = ["pushwire.v1", f"bearer.{token(user, OTHER_SECRET)}"]
    with NodeClient(gateway.ws_url, protocols) as node:
        refusal = node.event("refused")
        assert refusal["status"] == 401 and refusal["headers"]["www-authenticate"].startswith("Bearer")


def test_is_told_3503_when_kicked(gateway, user):
    with client(gateway, user) as node:
        opened(node)
        assert gateway.api.kick(user) == 1
        assert node.event("close")["code"] == 3503


def test_is_told_4501_when_displaced(gateway, user):
    with client(gateway, user) as oldest, client(gateway, user + "2") as other:
        opened(oldest)
        opened(other)
        with client(gateway, user) as second, client(gateway, user) as third:
            opened(second)
            opened(third)
            assert oldest.event("close")["code"] == 4501
            gateway.api.push({"user": user + "2"}, data=1)
            assert other.frame()["data"] == 1


def test_gets_its_own_close_code_back(gateway, user):
    with client(gateway, user) as node:
        opened(node)
        node.close(4321)
        assert node.event("close")["code"] == 4321
    # A code of the client's own choice must not make a time series of its own.
    eventually(lambda: gateway.metrics().sum("pushwire_disconnects_total", code="other") == 1, "counted")


def test_stays_connected_by_answering_pings(gateway, user):
    with client(gateway, user) as node:
        opened(node)
        for _ in range(3):
            assert node.event("ping")
        node.send({"type": "ping"})
        assert node.frame() == {"type": "pong"}
