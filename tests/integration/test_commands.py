"""The commands: exit codes, the place of each mistake, and what goes to stdout."""

import json
import re
import socket
import subprocess

import pytest

from support.client import connect
from support.gateway import BINARY, clean_environment, run_command, set_arguments
from support.raw import RawConnection, upgrade
from support.tokens import OTHER_SECRET, SECRET, token, write_file

FREE = 'listen = "127.0.0.1:0"'
GOOD = f'[client]\n{FREE}\n[api]\n{FREE}\n[auth]\nmode = "dev"\n'


def config_file(tmp_path, text, mode=0o600):
    return write_file(tmp_path / "node.toml", text, mode)


def refused(*arguments, env=None):
    """stderr of a command that has to end with 2: wrong usage or configuration."""
    run = run_command(*arguments, env=env)
    assert run.returncode == 2, run
    assert run.stdout == "" and run.stderr
    return run.stderr


def test_version_names_what_was_built():
    run = run_command("version")
    assert run.returncode == 0
    for word in ("pushwire", "commit", "Boost", "embedded", "epoll"):
        assert word in run.stdout


@pytest.mark.parametrize("arguments", [[], ["serv"], ["serve", "--sett", "a=b"], ["serve", "extra"], ["check"],
                                       ["token"], ["push", "1"], ["push", "--to", "user:a"], ["version", "extra"],
                                       ["push", "--to", "nobody", "1"], ["push", "--to", "user:", "1"],
                                       ["push", "--to", "user:a", "no json"],
                                       ["push", "--to", "user:a", "--api", "ftp://x", "1"],
                                       ["push", "--to", "user:a", "--ttl-ms", "soon", "1"],
                                       ["token", "--user", "a", "--ttl", "10"], ["serve", "--config"]])
def test_wrong_usage_is_exit_code_2(arguments):
    refused(*arguments)


@pytest.mark.parametrize(("setting", "expected"), [
    ({"client.lisen": "127.0.0.1:0"}, "client.listen"), ({"nonsense": "1"}, "nonsense"),
    ({"node.workers": "many"}, "node.workers"), ({"client.max_message_bytes": "64KB"}, "client.max_message_bytes"),
    ({"heartbeat.interval": "25"}, "heartbeat.interval"),
    ({"heartbeat.interval": "60s"}, "heartbeat.interval: the timeout"),
    ({"outbox.hard_bytes": "1MiB"}, "outbox.hard_bytes"), ({"session.on_limit": "close"}, "close_oldest"),
    ({"client.listen": "0.0.0.0:0"}, "loopback"), ({"client.listen": "nowhere"}, "client.listen"),
    ({"api.listen": "0.0.0.0:0"}, "api.keys"), ({"auth.mode": "jwt"}, "auth.hmac_secret"),
    ({"auth.mode": "jwt", "auth.hmac_secret": "short"}, "32"), ({"topics.allow": "a b"}, "topics.allow"),
    ({"auth.mode": "jwt", "auth.jwks_file": "/nowhere"}, "/nowhere"),
])
def test_wrong_setting_is_exit_code_2_and_named(setting, expected):
    settings = {"auth.mode": "dev", "client.listen": "127.0.0.1:0", "api.listen": "127.0.0.1:0", **setting}
    assert expected in refused("serve", *set_arguments(settings))


def test_check_accepts_a_good_file(tmp_path):
    run = run_command("check", "--config", config_file(tmp_path, GOOD))
    assert run.returncode == 0 and run.stderr == ""


def test_check_names_each_mistake_with_file_and_line(tmp_path):
    text = ('[client]\nlisen = "127.0.0.1:0"\nmax_connections = "many"\n\n[heartbeat]\ninterval = 25\n'
            '[sesion]\nmax_connections_per_user = 1\n')
    path = config_file(tmp_path, text + '[auth]\nmode = "dev"\n')
    lines = refused("check", "--config", path).splitlines()
    for line, key, hint in ((2, "client.lisen", "listen"), (3, "client.max_connections", ""),
                            (6, "heartbeat.interval", '"10s"'),
                            (8, "sesion.max_connections_per_user", "session.max_connections_per_user")):
        assert [found for found in lines if found.startswith(f"{path}:{line}: {key}") and hint in found], (key, lines)


def test_check_names_the_line_of_a_syntax_error(tmp_path):
    path = config_file(tmp_path, GOOD + "[log\n")
    assert f"{path}:7:" in refused("check", "--config", path)


def test_check_names_what_is_missing_or_unreadable(tmp_path):
    assert "gone.toml" in refused("check", "--config", tmp_path / "gone.toml")
    path = config_file(tmp_path, '[auth]\n\nhmac_secret_file = "/nowhere/secret"\n')
    assert f"{path}:3: auth.hmac_secret_file" in refused("check", "--config", path)


def test_check_takes_settings_over_the_file(tmp_path):
    path = config_file(tmp_path, GOOD.replace('"dev"', '"jwt"'))
    refused("check", "--config", path)
    assert run_command("check", "--config", path, "--set", "auth.mode=dev").returncode == 0


@pytest.mark.parametrize(("mode", "good"), [(0o600, True), (0o400, True), (0o640, False), (0o604, False),
                                            (0o644, False)])
def test_secret_file_that_others_can_read_is_a_mistake(tmp_path, mode, good):
    secret = write_file(tmp_path / "secret", SECRET, mode)
    path = config_file(tmp_path, f'[auth]\nhmac_secret_file = "{secret}"\n', 0o644)
    run = run_command("check", "--config", path)
    assert run.returncode == (0 if good else 2), run.stderr
    assert good or "auth.hmac_secret_file" in run.stderr


@pytest.mark.parametrize(("mode", "good"), [(0o600, True), (0o640, True), (0o644, False), (0o642, False)])
def test_configuration_with_secrets_that_the_world_can_read_is_a_mistake(tmp_path, mode, good):
    path = config_file(tmp_path, f'[auth]\nhmac_secret = "{SECRET}"\n', mode)
    run = run_command("check", "--config", path)
    assert run.returncode == (0 if good else 2), run.stderr
    assert SECRET not in run.stderr


def test_unknown_environment_variable_is_a_mistake(tmp_path):
    path = config_file(tmp_path, GOOD)
    stderr = refused("check", "--config", path, env={"PUSHWIRE_CLIENT_LISTN": "127.0.0.1:0"})
    assert "PUSHWIRE_CLIENT_LISTN" in stderr and "PUSHWIRE_CLIENT_LISTEN" in stderr
    assert run_command("check", "--config", path, env={"PUSHWIRE_NODE_NAME": "n"}).returncode == 0


def test_setting_wins_over_environment_and_that_over_the_file(serve, tmp_path):
    path = config_file(tmp_path, GOOD + '[node]\nname = "file"\n')
    for env, settings, name in (({}, {}, "file"), ({"PUSHWIRE_NODE_NAME": "environment"}, {}, "environment"),
                                ({"PUSHWIRE_NODE_NAME": "environment"}, {"node.name": "setting"}, "setting")):
        gateway = serve(settings, config=path, env=env)
        assert gateway.api.get("/v1/stats").json["node"] == name
        gateway.stop()


def test_listener_lines_come_before_ready(serve):
    gateway = serve()
    assert re.fullmatch(r"clients on ws://127\.0\.0\.1:[1-9]\d*/ws", gateway.lines[0])
    assert re.fullmatch(r"api on http://127\.0\.0\.1:[1-9]\d*", gateway.lines[1])
    assert gateway.lines[2:] == ["ready"]


def test_ipv6_and_several_listeners_have_a_line_each(serve):
    gateway = serve({"client.listen": "127.0.0.1:0,[::1]:0", "api.listen": "[::1]:0", "client.path": "/live"})
    assert re.fullmatch(r"clients on ws://127\.0\.0\.1:\d+/live", gateway.lines[0])
    assert (second := re.fullmatch(r"clients on ws://\[::1\]:(\d+)/live", gateway.lines[1]))
    assert re.fullmatch(r"api on http://\[::1\]:\d+", gateway.lines[2])
    gateway.api.host = "::1"
    for host, port in (("127.0.0.1", gateway.client_port), ("::1", int(second[1]))):
        with RawConnection(port, host=host) as connection:
            connection.send(upgrade("/live?user=u"))
            session = connection.welcome()["session"]
            sessions = gateway.api.user("u")["sessions"]
            (remote,) = [found["remote"] for found in sessions if found["session"] == session]
            assert remote.startswith("[::1]:" if ":" in host else "127.0.0.1:")


@pytest.mark.parametrize("listener", ["client.listen", "api.listen"])
def test_address_in_use_is_exit_code_1(listener):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = {"auth.mode": "dev", "client.listen": "127.0.0.1:0", "api.listen": "127.0.0.1:0", listener: address}
        run = run_command("serve", *set_arguments(settings))
        assert run.returncode == 1, run
        assert address in run.stderr and "ready" not in run.stdout


def test_address_of_another_node_is_in_use_too(serve):
    """SO_REUSEPORT would let two nodes share a port and mix their clients up."""
    gateway = serve()
    settings = {"auth.mode": "dev", "client.listen": f"127.0.0.1:{gateway.client_port}", "api.listen": "127.0.0.1:0"}
    run = run_command("serve", *set_arguments(settings))
    assert run.returncode == 1 and str(gateway.client_port) in run.stderr


def test_log_is_json_lines_when_stderr_is_no_terminal(serve):
    gateway = serve()
    gateway.stop()
    lines = gateway.stderr().splitlines()
    assert lines
    for line in lines:
        assert isinstance(json.loads(line), dict), line


def test_token_prints_the_token_alone(tmp_path):
    secret = write_file(tmp_path / "secret", SECRET + "\n")
    path = config_file(tmp_path, f'[auth]\nhmac_secret_file = "{secret}"\n')
    run = run_command("token", "--user", "alice", "--config", path)
    assert run.returncode == 0 and re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", run.stdout) and run.stderr == ""


def test_token_without_a_secret_is_exit_code_2(tmp_path):
    path = config_file(tmp_path, GOOD)
    assert "hmac_secret" in refused("token", "--user", "alice", "--config", path)
    refused("token", "--user", "", "--set", f"auth.hmac_secret={SECRET}")


def push(gateway, *arguments, **options):
    return run_command("push", "--api", f"http://127.0.0.1:{gateway.api_port}", *arguments, **options)


async def test_push_sends_to_each_kind_of_target(gateway, user):
    async with connect(gateway, user, topics=f"t/{user}"[:128]) as client:
        for to in (f"user:{user}", f"topic:{f't/{user}'[:128]}", f"session:{client.session}", "all"):
            run = push(gateway, "--to", to, '{"n": 1.0}')
            assert run.returncode == 0, run.stderr
            text = await client.receive_text()
            assert '"data":{"n": 1.0}' in text and json.loads(run.stdout)["id"] == json.loads(text)["id"]


async def test_push_takes_its_options(gateway, user):
    async with connect(gateway, user) as client:
        arguments = ["--to", f"user:{user}", "--text", "--event", "e", "--id", f"cli-{user}"[:64], "--ttl-ms", "5000"]
        assert push(gateway, *arguments, 'no "json"').returncode == 0
        message = await client.message()
        assert (message["text"], message["event"]) == ('no "json"', "e")
        again = push(gateway, *arguments, 'no "json"')
        assert again.returncode == 0 and json.loads(again.stdout)["duplicate"] is True
        other = push(gateway, *arguments, "another body")
        assert other.returncode == 1 and "conflict" in other.stdout + other.stderr


def test_push_takes_the_key_from_option_or_environment(serve):
    gateway = serve({"api.keys": "the-key-of-this-test"}, key="the-key-of-this-test")
    assert push(gateway, "--to", "all", "1").returncode == 1
    assert push(gateway, "--to", "all", "--key", "another-key-of-this-test", "1").returncode == 1
    assert push(gateway, "--to", "all", "--key", "the-key-of-this-test", "1").returncode == 0
    assert push(gateway, "--to", "all", "1", env={"PUSHWIRE_API_KEY": "the-key-of-this-test"}).returncode == 0


def test_push_to_nowhere_is_exit_code_1():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    run = run_command("push", "--api", f"http://127.0.0.1:{port}", "--to", "all", "1")
    assert run.returncode == 1 and run.stderr


def test_secrets_of_settings_are_not_logged(serve):
    gateway = serve({"auth.mode": "jwt", "auth.hmac_secret": OTHER_SECRET, "api.keys": "the-key-of-this-test"},
                    key="the-key-of-this-test")
    with RawConnection(gateway.client_port) as connection:
        connection.send(upgrade(f"/ws?token={token(key=OTHER_SECRET)}"))
        connection.welcome()
    gateway.stop()
    for secret in (OTHER_SECRET, "the-key-of-this-test"):
        assert secret not in gateway.stderr() + "\n".join(gateway.lines)


def test_output_that_cannot_be_written_is_exit_code_1():
    with open("/dev/full", "w") as full:
        run = subprocess.run([BINARY, "version"], stdout=full, stderr=subprocess.PIPE, env=clean_environment(),
                             timeout=10)
    assert run.returncode == 1
