"""Tokens: which are accepted, which are refused, and how keys are exchanged while the node runs."""

import json
import signal
import time

import jwt
import pytest

from support.client import connect, refused
from support.gateway import run_command, set_arguments
from support.raw import RawConnection, upgrade
from support.tokens import (
    DEFAULT_ALGORITHM,
    OTHER_SECRET,
    SECRET,
    jwk,
    private_key,
    public_pem,
    signed,
    token,
    unsigned,
    write_file,
)
from support.waiting import eventually_async

KINDS = ["rsa", "p256", "p384", "ed25519"]
CHECKED = {"auth.hmac_secret": SECRET, "auth.issuer": "the-issuer", "auth.audience": "pushwire", "auth.leeway": "5s"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def many_keys(serve_module, files):
    """An HMAC secret and a JWKS file with one key of each kind, side by side."""
    jwks = write_file(files / "jwks.json", json.dumps({"keys": [jwk(kind, f"kid-{kind}") for kind in KINDS]}))
    return serve_module({"auth.hmac_secret": SECRET, "auth.jwks_file": jwks, "topics.allow": "free"})


@pytest.fixture(scope="module")
def checked(serve_module):
    """Issuer and audience are demanded."""
    return serve_module(CHECKED)


def status(gateway, text):
    """101, or the status of the refusal."""
    with RawConnection(gateway.client_port) as connection:
        connection.send(upgrade("/ws", [("Authorization", f"Bearer {text}")]))
        return connection.reply().status


def accepted_by_all(gateway, text):
    """Workers take new settings one by one; the kernel spreads 20 connections over them."""
    return all(status(gateway, text) == 101 for _ in range(20))


def good(**claims):
    return token(**{"iss": "the-issuer", "aud": "pushwire", **claims})


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_hmac_algorithms_are_accepted(many_keys, algorithm):
    assert status(many_keys, token(algorithm=algorithm)) == 101


@pytest.mark.parametrize(("kind", "algorithm"), [("rsa", "RS256"), ("rsa", "RS384"), ("rsa", "RS512"),
                                                 ("p256", "ES256"), ("p384", "ES384"), ("ed25519", "EdDSA")])
def test_public_key_algorithms_are_accepted_from_a_pem_file(serve_module, files, kind, algorithm):
    gateway = pem_gateway(serve_module, files, kind)
    assert status(gateway, token(key=private_key(kind), algorithm=algorithm)) == 101
    assert status(gateway, token(key=SECRET)) == 401


_PEM_GATEWAYS = {}


def pem_gateway(serve_module, files, kind):
    """One gateway for each kind of key, shared by the tests of this file."""
    if kind not in _PEM_GATEWAYS:
        pem = write_file(files / f"{kind}.pem", public_pem(kind), 0o644)
        _PEM_GATEWAYS[kind] = serve_module({"auth.public_key_file": pem})
    return _PEM_GATEWAYS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_kid_chooses_the_key_of_the_jwks_file(many_keys, kind):
    algorithm = DEFAULT_ALGORITHM[kind]
    assert status(many_keys, token(key=private_key(kind), algorithm=algorithm, headers={"kid": f"kid-{kind}"})) == 101
    other = "kid-p256" if kind != "p256" else "kid-p384"
    assert status(many_keys, token(key=private_key(kind), algorithm=algorithm, headers={"kid": other})) == 401
    assert status(many_keys, token(key=private_key(kind), algorithm=algorithm, headers={"kid": "unknown"})) == 401


@pytest.mark.parametrize("kind", KINDS)
def test_without_kid_the_algorithm_chooses(many_keys, kind):
    assert status(many_keys, token(key=private_key(kind), algorithm=DEFAULT_ALGORITHM[kind])) == 101


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("headers", [{}, {"kid": "kid-rsa"}])
def test_public_key_as_hmac_secret_is_refused(many_keys, algorithm, headers, serve_module, files):
    claims = {"sub": "alice", "exp": int(time.time()) + 3600}
    for secret in (public_pem("rsa"), public_pem("rsa").strip()):
        forged = signed(claims, secret, algorithm, headers)
        assert status(many_keys, forged) == 401
        assert status(pem_gateway(serve_module, files, "rsa"), forged) == 401


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", "HS256"])
def test_unsigned_token_is_refused(many_keys, algorithm):
    assert status(many_keys, unsigned({"sub": "alice", "exp": int(time.time()) + 3600}, algorithm)) == 401


def test_algorithm_of_the_same_key_kind_but_other_curve_is_refused(many_keys):
    forged = signed({"sub": "alice", "exp": int(time.time()) + 3600}, private_key("p256"), "ES256",
                    {"alg": "ES384", "kid": "kid-p384"})
    assert status(many_keys, forged) == 401


def test_changed_token_is_refused(many_keys):
    head, payload, signature = token("alice").split(".")
    other = token("mallory").split(".")[1]
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    for text in (f"{head}.{other}.{signature}", f"{head}.{payload}.{flipped}", f"{head}.{payload}.{signature[:-2]}",
                 f"{head}.{payload}.", f"{head}.{payload}", f"{head}.{payload}.{signature}.x", f"{head}..{signature}",
                 f"{head}.{payload}.{signature}=", "..", "x", token(key=OTHER_SECRET)):
        assert status(many_keys, text) == 401, text


def test_critical_header_is_refused(many_keys):
    assert status(many_keys, token(headers={"crit": ["exp"]})) == 401


def test_keys_that_the_token_brings_are_never_used(many_keys):
    """A stranger's signature stays a stranger's, whatever jwk, jku or x5u say."""
    headers = {"jwk": jwk("rsa", "kid-rsa"), "jku": "http://127.0.0.1:1/jwks", "x5u": "http://127.0.0.1:1/cert"}
    assert status(many_keys, token(key=OTHER_SECRET, headers=headers)) == 401


@pytest.mark.parametrize("claims", [{}, {"aud": ["other", "pushwire"]}, {"nbf": int(time.time()) - 10},
                                    {"exp": time.time() + 3600.5}, {"iat": int(time.time()) + 1}])
def test_good_claims_are_accepted(checked, claims):
    assert status(checked, good(**claims)) == 101


def test_times_are_checked_with_leeway(checked):
    now = int(time.time())
    assert status(checked, good(exp=now - 2)) == 101
    assert status(checked, good(exp=now - 10)) == 401
    assert status(checked, good(nbf=now + 2)) == 101
    assert status(checked, good(nbf=now + 60)) == 401


@pytest.mark.parametrize("claims", [
    {"exp": None}, {"exp": "2100000000"}, {"exp": True}, {"exp": [2100000000]}, {"exp": -1}, {"nbf": "0"},
    {"iss": None}, {"iss": "other"}, {"iss": ["the-issuer"]}, {"iss": "the-issuer "},
    {"aud": None}, {"aud": "other"}, {"aud": []}, {"aud": ["other"]}, {"aud": {"pushwire": 1}}, {"aud": "PUSHWIRE"},
    {"user": None}, {"user": ""}, {"user": 5}, {"user": ["alice"]}, {"user": "u" * 129}, {"user": "a\u0001"},
    {"user": "a\u0085"}, {"user": "\ud800"}, {"topics": "news"}, {"topics": [1]}, {"topics": ["a b"]},
], ids=lambda claims: "-".join(claims))
def test_missing_wrong_or_badly_typed_claim_is_refused(checked, claims):
    assert status(checked, good(**claims)) == 401


def test_token_without_expiry_is_accepted_when_so_configured(serve):
    gateway = serve({"auth.mode": "jwt", "auth.hmac_secret": SECRET, "auth.require_exp": "false"})
    assert status(gateway, token(exp=None)) == 101
    assert status(gateway, token(exp=int(time.time()) - 60)) == 401


async def test_user_claim_can_be_another(serve):
    gateway = serve({"auth.mode": "jwt", "auth.hmac_secret": SECRET, "auth.user_claim": "uid"})
    async with connect(gateway, token=token("not-me", uid="me")) as client:
        assert client.welcome["user"] == "me"
    assert status(gateway, token("not-me")) == 401


async def test_topics_of_token_and_configuration_are_permitted(many_keys, user):
    claims = {"topics": ["news.*", "exact", "pre*"]}
    async with connect(many_keys, token=token(user, **claims), topics="free,news.,exact") as client:
        for topic in ("news.sport", "pre", "prefix", "free"):
            await client.subscribe(topic)
        for topic in ("news", "exact2", "freely", "other"):
            await client.send({"type": "subscribe", "topic": topic})
            assert (await client.error("topic_forbidden"))["topic"] == topic
        await client.ping()
    assert (await refused(many_keys, token=token(user, **claims), topics="other")).status_code == 403
    assert (await refused(many_keys, token=token(user), topics="exact")).status_code == 403


async def test_sighup_takes_a_new_secret_and_keeps_old_sessions(serve, tmp_path, user):
    secret_file = write_file(tmp_path / "secret", SECRET + "\n")
    gateway = serve({"auth.mode": "jwt", "auth.hmac_secret_file": secret_file})
    assert status(gateway, token(key=OTHER_SECRET)) == 401
    async with connect(gateway, token=token(user)) as old:
        write_file(secret_file, OTHER_SECRET + "\n")
        gateway.signal(signal.SIGHUP)
        await eventually_async(lambda: accepted_by_all(gateway, token(key=OTHER_SECRET)), "the new secret counts")
        assert status(gateway, token()) == 401
        gateway.api.push({"user": user}, data=1)
        assert (await old.message())["data"] == 1
        assert gateway.metrics().sum("pushwire_config_reload_success") == 1


async def test_sighup_with_a_mistake_changes_nothing_and_is_shown(serve, tmp_path):
    secret_file = write_file(tmp_path / "secret", SECRET)
    gateway = serve({"auth.mode": "jwt", "auth.hmac_secret_file": secret_file})
    write_file(secret_file, "too short")
    gateway.signal(signal.SIGHUP)

    def reload_failed():
        metrics = gateway.metrics()
        return "pushwire_config_reload_success" in metrics.types and not metrics.sum("pushwire_config_reload_success")

    await eventually_async(reload_failed, "the failed reload is shown")
    assert status(gateway, token()) == 101
    await eventually_async(lambda: "auth.hmac_secret_file" in gateway.stderr(), "the log names the key")
    write_file(secret_file, SECRET)
    gateway.signal(signal.SIGHUP)
    await eventually_async(lambda: gateway.metrics().sum("pushwire_config_reload_success") == 1, "good again")


async def test_sighup_takes_new_api_keys_topics_and_jwks(serve, tmp_path, user):
    config = tmp_path / "node.toml"
    jwks = tmp_path / "jwks.json"

    def configure(key, topics, kind):
        write_file(jwks, json.dumps({"keys": [jwk(kind, "k")]}))
        write_file(config, f'[client]\nlisten = "127.0.0.1:0"\n[api]\nlisten = "127.0.0.1:0"\nkeys = ["{key}"]\n'
                           f'[auth]\njwks_file = "{jwks}"\n[topics]\nallow = ["{topics}"]\n')

    configure("the-first-api-key", "one", "p256")
    gateway = serve(config=config, key="the-first-api-key")
    async with connect(gateway, token=token(user, private_key("p256"), "ES256")) as client:
        await client.subscribe("one")
        configure("the-second-api-key", "two", "ed25519")
        gateway.signal(signal.SIGHUP)
        gateway.api.key = "the-second-api-key"
        fresh = token(key=private_key("ed25519"), algorithm="EdDSA")
        await eventually_async(lambda: accepted_by_all(gateway, fresh), "the new keys count")
        assert gateway.api.request("GET", "/v1/nodes").status == 200
        await client.subscribe("two")
        assert status(gateway, token(key=private_key("p256"), algorithm="ES256")) == 401


async def test_token_command_makes_a_token_that_is_accepted(checked, user):
    made = run_command("token", "--user", user, "--ttl", "10m", "--topics", "a,b.*", *set_arguments(CHECKED))
    assert made.returncode == 0, made.stderr
    text = made.stdout.removesuffix("\n")
    claims = jwt.decode(text, SECRET, ["HS256", "HS384", "HS512"], issuer="the-issuer", audience="pushwire")
    assert claims["sub"] == user and claims["topics"] == ["a", "b.*"]
    assert 590 <= claims["exp"] - time.time() <= 601
    async with connect(checked, token=text, topics="a,b.c") as client:
        assert client.welcome["user"] == user


def test_log_never_holds_a_token(many_keys):
    text = token()
    status(many_keys, text)
    with RawConnection(many_keys.client_port) as connection:
        connection.send(upgrade(f"/ws?token={text}x"))
        assert connection.reply().status == 401
    assert text.split(".")[2] not in many_keys.stderr()
