"""examples/cluster/start and ./run --bus, as a reader of docs/cluster.md would try them."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from support.api import Api
from support.client import connect
from support.gateway import ROOT, Gateway, clean_environment

START_SECONDS = 300  # a build may be part of it


class Balancer:
    ws_url = "ws://127.0.0.1:8000/ws"


def processes_that_name(text):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if text in path.read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                found.append(int(path.parent.name))
    return [pid for pid in found if pid != os.getpid()]


def wait_until_gone(text, seconds=10):
    deadline = time.monotonic() + seconds
    while processes_that_name(text) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not processes_that_name(text)


@contextlib.contextmanager
def cluster(kind, tmp_path):
    output = tmp_path / "start.out"
    with output.open("wb") as out:
        process = subprocess.Popen(["setsid", "setpriv", "--pdeathsig", "TERM", "examples/cluster/start", kind], cwd=ROOT,
                                   env=clean_environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + START_SECONDS
        while b"logs:" not in output.read_bytes():
            assert process.poll() is None and time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)
        yield process
        os.killpg(process.pid, signal.SIGINT)  # Ctrl-C reaches the whole group
        assert process.wait(90) == 0, output.read_text()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(90)
    wait_until_gone("examples/cluster/")


async def test_three_nodes_behind_haproxy_are_one(tmp_path):
    with cluster("redis", tmp_path):
        api = Api(8001)
        deadline = time.monotonic() + 15
        names = set()
        while names != {"n1", "n2", "n3"} and time.monotonic() < deadline:
            names = {node["name"] for node in api.get("/v1/nodes").json["nodes"]}
        assert names == {"n1", "n2", "n3"}
        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connect(Balancer, "alice")) for _ in range(6)]
            assert {client.welcome["node"] for client in clients} == names  # the fewest connections first
            api.push({"user": "alice"}, data=1)
            for client in clients:
                assert (await client.message())["data"] == 1


@pytest.mark.parametrize("kind", ["redis", "nats", "zookeeper"])
def test_run_starts_the_server_of_the_bus_and_stops_it_with_the_node(kind, tmp_path):
    gateway = Gateway({"log.level": "info"}, folder=tmp_path, command=["setsid", "./run", "--bus", kind])
    try:
        gateway.api.push({"all": True}, data=1)
        assert processes_that_name(f"build/bus/{kind}")
        os.killpg(gateway.process.pid, signal.SIGINT)
        assert gateway.process.wait(30) == 0
    finally:
        gateway.kill()
    wait_until_gone(f"build/bus/{kind}")


@pytest.mark.parametrize("arguments", [["./run", "--bus", "rabbitmq"], ["./run", "--bus"], ["examples/cluster/start"]])
def test_a_wrong_kind_is_told_with_the_list(arguments):
    run = subprocess.run(arguments, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=20)
    assert run.returncode == 2
    assert "expected one of redis nats kafka zookeeper rocketmq" in run.stderr
