"""The try-it page's way to the API, and what keeps other pages out of it."""

import pytest

from support.client import connect
from support.raw import RawConnection, request
from support.requests import push_request, push_to
from support.tokens import SECRET


def test_api_port_never_sends_cors_headers(gateway):
    origin = {"Origin": f"http://127.0.0.1:{gateway.client_port}"}
    preflight = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answers = [gateway.api.request("OPTIONS", "/v1/push", headers=preflight),
               gateway.api.request("POST", "/v1/push", push_to("u"), origin),
               gateway.api.request("GET", "/healthz", headers=origin)]
    for answer in answers:
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def dev_push(gateway, headers=(), host=None):
    """A push through the client port, as the try-it page makes it."""
    with RawConnection(gateway.client_port) as connection:
        connection.send(push_request(push_to("u"), headers, "/dev/api/v1/push",
                                     host or f"127.0.0.1:{gateway.client_port}"))
        return connection.reply()


async def test_dev_api_pushes_for_the_page(gateway, user):
    origin = ("Origin", f"http://127.0.0.1:{gateway.client_port}")
    async with connect(gateway, user) as client:
        with RawConnection(gateway.client_port) as connection:
            connection.send(push_request(push_to(user, 5), [origin], "/dev/api/v1/push",
                                         f"127.0.0.1:{gateway.client_port}"))
            assert connection.reply().status == 200
        assert (await client.message())["data"] == 5


def test_dev_api_is_only_for_the_page(gateway):
    port = gateway.client_port
    for origin in (f"http://127.0.0.1:{port}", f"http://localhost:{port}"):
        assert dev_push(gateway, [("Origin", origin)]).status == 200
    for origin in ("https://evil.example", "null", "", f"http://127.0.0.1:{port + 1}", f"http://evil.localhost:{port}"):
        reply = dev_push(gateway, [("Origin", origin)])
        assert reply.status == 403
        assert not [name for name in reply.headers if name.startswith("access-control-")]
    for host in ("evil.example", f"evil.example:{port}", "10.0.0.1"):
        assert dev_push(gateway, [("Origin", f"http://127.0.0.1:{port}")], host).status == 403


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_dev_api_demands_json(gateway, content_type):
    """Other types would let any page post without a preflight."""
    origin = ("Origin", f"http://127.0.0.1:{gateway.client_port}")
    assert dev_push(gateway, [origin, ("Content-Type", content_type)]).status == 415


def test_dev_api_demands_json_for_closing_sessions_too(gateway):
    port = gateway.client_port
    with RawConnection(port) as connection:
        connection.send(request("DELETE", "/dev/api/v1/users/u/sessions", [("Host", f"127.0.0.1:{port}"),
                                                                           ("Origin", f"http://127.0.0.1:{port}")]))
        assert connection.reply().status == 415


def test_dev_api_and_page_are_absent_with_tokens(serve):
    gateway = serve({"auth.mode": "jwt", "auth.hmac_secret": SECRET})
    origin = ("Origin", f"http://127.0.0.1:{gateway.client_port}")
    assert dev_push(gateway, [origin]).status in (404, 405)
    for path in ("/", "/try.js", "/dev/api/v1/stats"):
        with RawConnection(gateway.client_port) as connection:
            connection.send(request("GET", path, [("Host", "localhost")]))
            assert connection.reply().status == 404
