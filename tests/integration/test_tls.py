"""TLS on both ports, with certificates as an operator has them."""

import asyncio
import json
import signal
import socket
import ssl
import subprocess
import time

import pytest

from support.api import Api
from support.certificates import Authority
from support.client import connect, refused
from support.gateway import run_command, set_arguments
from support.waiting import eventually

KEY = "0123456789abcdef"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def gateway(serve_module, authority):
    first = authority.make("first", "a.test")
    second = authority.make("second", "b.test", "*.wild.test")
    return serve_module({
        "auth.mode": "dev", "node.name": "n1", "client.tls_certificate": f"{first[0]},{second[0]}",
        "client.tls_key": f"{first[1]},{second[1]}", "api.tls_certificate": first[0], "api.tls_key": first[1]},
        tls=authority.context())


def subject(port, host, context):
    """The name in the certificate that is shown to somebody who asks for `host`, and the connection's version."""
    context = ssl.create_default_context(cafile=None, cadata=context)
    context.check_hostname = False
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        with context.wrap_socket(connection, server_hostname=host) as tls:
            return dict(pair[0] for pair in tls.getpeercert()["subject"])["commonName"], tls.version()


async def test_messages_of_every_size_arrive_whole(gateway, user):
    async with connect(gateway, user) as client:
        assert client.welcome["user"] == user
        for size in (0, 1, 200, 16_000, 16_384, 70_000, 900_000):
            gateway.api.push({"user": user}, text="x" * size)
            assert len((await client.message())["text"]) == size
        await client.ping()
        await client.subscribe("news")
        await client.send(json.dumps({"type": "subscribe", "topic": "t" * 100, "filler": "y" * 50_000}))
        assert (await client.receive())["type"] == "subscribed"


async def test_many_messages_keep_their_order(gateway, user):
    async with connect(gateway, user) as client:
        results = gateway.api.batch([{"to": {"user": user}, "data": n, "event": "e" * (n % 100)} for n in range(1000)])
        assert all(result["status"] == 200 for result in results)
        assert [(await client.message())["data"] for _ in range(1000)] == list(range(1000))


async def test_frames_sent_with_the_handshake_are_read(gateway, user):
    """They may be in the same record as the request, on a worker that is not the user's own."""
    for n in range(8):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.client_port, ssl=gateway.tls)
        text = b'{"type":"ping"}'
        frame = bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text
        writer.write((f"GET /ws?user={user}-{n} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()
                     + frame)
        writer.write(frame)
        received = b""
        while received.count(b'"pong"') < 2:
            part = await asyncio.wait_for(reader.read(4096), 5)
            assert part, received
            received += part
        writer.close()


async def test_the_page_of_dev_auth_may_connect_where_it_is_served(gateway, user):
    own = f"https://127.0.0.1:{gateway.client_port}"
    async with connect(gateway, user, headers={"Origin": own}) as client:
        await client.ping()
    answer = await refused(gateway, user, headers={"Origin": own.replace("https", "http")})
    assert answer.status_code == 403


def test_the_certificate_of_the_name_that_is_asked_for_is_shown(gateway, authority):
    trusted = authority.ca.read_text()
    assert subject(gateway.client_port, "a.test", trusted) == ("first", "TLSv1.3")
    assert subject(gateway.client_port, "b.test", trusted)[0] == "second"
    assert subject(gateway.client_port, "x.wild.test", trusted)[0] == "second"
    assert subject(gateway.client_port, "unknown.test", trusted)[0] == "first"


def test_sessions_are_taken_up_again(gateway, authority):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = authority.context()
        context.maximum_version = version
        session = None
        for resumed in (False, True):
            with socket.create_connection(("127.0.0.1", gateway.api_port), timeout=5) as connection:
                with context.wrap_socket(connection, server_hostname="127.0.0.1", session=session) as tls:
                    tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    assert b"200" in tls.recv(4096)
                    session = tls.session
                    assert tls.session_reused == resumed, version


def test_a_client_that_speaks_no_tls_is_counted_and_closed(gateway):
    before = gateway.metrics().sum("pushwire_handshakes_total", result="tls")
    with socket.create_connection(("127.0.0.1", gateway.client_port), timeout=5) as connection:
        connection.sendall(b"GET /ws?user=a HTTP/1.1\r\nHost: x\r\n\r\n")
        while connection.recv(4096):
            pass
    eventually(lambda: gateway.metrics().sum("pushwire_handshakes_total", result="tls") == before + 1, "the failed handshake is counted")


async def test_a_client_that_reads_nothing_is_closed_and_hurts_nobody(serve, authority, user):
    certificate, key = authority.make("slow")
    gateway = serve({"client.tls_certificate": certificate, "client.tls_key": key, "outbox.soft_bytes": "32KiB",
                     "outbox.soft_for": "1s"}, tls=authority.context())
    async with connect(gateway, user) as healthy:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.client_port, ssl=gateway.tls, limit=1024)
        writer.write((f"GET /ws?user={user} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
        await reader.readuntil(b"welcome")
        writer.transport.pause_reading()
        for n in range(30):
            gateway.api.push({"user": user}, text="x" * 300_000, event=str(n))
            assert (await healthy.message())["event"] == str(n)
        await asyncio.to_thread(eventually, lambda: gateway.metrics().sum("pushwire_disconnects_total", code="3008"),
                                "the slow client is closed")
        assert gateway.metrics().sum("pushwire_drops_total", reason="slow_client") > 0
        writer.transport.abort()


async def test_new_certificates_are_shown_without_losing_a_connection(serve, authority, user):
    certificate, key = authority.make("before")
    gateway = serve({"client.tls_certificate": certificate, "client.tls_key": key}, tls=authority.context())
    trusted = authority.ca.read_text()
    async with connect(gateway, user) as client:
        for number, how in enumerate(("files", "SIGHUP")):
            # Another certificate takes the old one's place, as programs that renew them do it.
            fresh, fresh_key = authority.make(f"after-{number}")
            fresh_key.rename(key)
            fresh.rename(certificate)
            if how == "SIGHUP":
                gateway.signal(signal.SIGHUP)
            await asyncio.to_thread(eventually, lambda name=f"after-{number}": subject(
                gateway.client_port, "x", trusted)[0] == name, f"the new certificate is shown after {how}", 15)
            gateway.api.push({"user": user}, data=number)
            assert (await client.message())["data"] == number
        certificate.write_text("broken")
        gateway.signal(signal.SIGHUP)
        await asyncio.to_thread(eventually, lambda: gateway.metrics().sum("pushwire_config_reload_success") == 0,
                                "the broken certificate is refused")
        assert subject(gateway.client_port, "x", trusted)[0] == "after-1", "the old one stays"
        await client.ping()


def test_callers_show_a_certificate_where_the_api_demands_one(serve, authority):
    certificate, key = authority.make("api")
    gateway = serve({"api.tls_certificate": certificate, "api.tls_key": key, "api.tls_client_ca": authority.ca,
                     "api.keys": KEY}, key=KEY, tls=authority.context(authority.make("caller")))
    assert gateway.api.get("/v1/stats").json["node"]
    stranger = Api(gateway.api_port, KEY, tls=authority.context())
    with pytest.raises((ssl.SSLError, ConnectionError)):
        stranger.get("/v1/stats")
    keyless = Api(gateway.api_port, None, tls=gateway.tls)
    assert keyless.request("GET", "/v1/stats").status == 401, "a certificate is no key"


def test_the_push_command_speaks_tls_and_checks_the_server(gateway, authority):
    url = f"https://127.0.0.1:{gateway.api_port}"
    pushed = run_command("push", "--to", "all", "--api", url, "--ca", authority.ca, "1")
    assert pushed.returncode == 0, pushed.stderr
    assert json.loads(pushed.stdout)["accepted"]
    stranger = run_command("push", "--to", "all", "--api", url, "1")
    assert stranger.returncode == 1
    assert "cannot agree on TLS" in stranger.stderr and "certificate verify failed" in stranger.stderr
    wrong_name = run_command("push", "--to", "all", "--api", url.replace("127.0.0.1", "localhost"), "--ca",
                             authority.ca, "1")
    assert wrong_name.returncode == 1, "the certificate is not for localhost"


def test_mistakes_in_certificates_are_named_with_their_setting(authority, tmp_path):
    certificate, key = authority.make("good")
    _, other_key = authority.make("other")
    loose = tmp_path / "loose.key"
    loose.write_bytes(key.read_bytes())
    loose.chmod(0o644)
    for settings, key_name, words in (
            ({"client.tls_certificate": certificate}, "client.tls_certificate", "expected a key for each certificate"),
            ({"client.tls_certificate": certificate, "client.tls_key": other_key}, "client.tls_certificate",
             "is not that of the certificate"),
            ({"client.tls_certificate": certificate, "client.tls_key": loose}, "client.tls_key", "chmod 600"),
            ({"client.tls_certificate": tmp_path / "none", "client.tls_key": key}, "client.tls_certificate", "none"),
            ({"api.tls_client_ca": authority.ca}, "api.tls_client_ca", "without TLS"),
            ({"api.tls_certificate": certificate, "api.tls_key": key, "api.tls_client_ca": key}, "api.tls_client_ca",
             "no certificate of an authority")):
        config = tmp_path / "pushwire.toml"
        config.write_text('auth.mode = "dev"\n')
        checked = run_command("check", "--config", config, *set_arguments(settings))
        assert checked.returncode == 2, (settings, checked.stderr)
        assert key_name in checked.stderr and words in checked.stderr, (settings, checked.stderr)


def test_a_handshake_that_stalls_is_ended_in_time(serve, authority):
    certificate, key = authority.make("stall")
    gateway = serve({"client.tls_certificate": certificate, "client.tls_key": key, "client.handshake_timeout": "1s"},
                    tls=authority.context())
    with socket.create_connection(("127.0.0.1", gateway.client_port), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a client's hello
        begin = time.monotonic()
        while connection.recv(4096):
            pass
        assert 0.5 < time.monotonic() - begin < 5


def test_testssl_finds_nothing_above_low(serve, authority, tmp_path):
    """The whole of testssl.sh, but for what it says of the test's own certificate and of this machine's openssl."""
    certificate, key = authority.make("public", "localhost", days=90)
    gateway = serve({"client.tls_certificate": certificate, "client.tls_key": key}, tls=authority.context())
    report = tmp_path / "report.json"
    subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--ip", "127.0.0.1",
                    "--openssl-timeout", "5", "--jsonfile", report, "--add-ca", authority.ca,
                    "-p", "-s", "-f", "-P", "-S", "-U", f"127.0.0.1:{gateway.client_port}"],
                   stdin=subprocess.DEVNULL, capture_output=True, timeout=65, check=False)
    findings = json.loads(report.read_text())
    assert len(findings) > 60, "it did not come to its end"
    of_the_certificate = {"cert_revocation", "DNS_CAArecord", "engine_problem"}
    worse = [finding for finding in findings if finding["id"] not in of_the_certificate
             and finding["severity"] not in ("OK", "INFO", "LOW")]
    assert not worse, worse
    assert gateway.api.get("/healthz").status == 200
