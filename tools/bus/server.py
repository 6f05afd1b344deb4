#!/usr/bin/env python3
"""Starts the real server of one bus on this machine, for tests, figures and a first look.

    tools/bus/server.py redis|nats|zookeeper|rocketmq|kafka [--dir D] [options]

It stays in the foreground and prints one line of JSON when the server can be used:

    {"kind":"redis","version":"debian","pids":[12],"processes":{"redis":12},"dir":"/tmp/x","port":21000,
     "ports":{"port":21000},"set":{"bus.kind":"redis","bus.redis.address":"127.0.0.1:21000"}}

"set" holds the settings of pushwire that reach the server; values are text as `--set` takes it. Everything listens on
127.0.0.1 alone where the server lets one choose. All that was started is killed when standard input ends (so nothing
outlives a test that dies), on SIGTERM and on SIGINT. A line "restart" on standard input, or "restart broker" with names
of "processes", kills those that still run (a test may have done so, by the pids that it was told), starts them on the
same ports and data and prints the line again when the server is ready. Another run with the same --dir does so too.
"wipe" does the same to all of them, with their data deleted in between.
Exit code 1 and a text on stderr if the server cannot be started.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from authority import Authority
from kafka_server import KafkaServer
from nats_server import NatsServer
from processes import NotReady, free_port
from redis_server import RedisServer
from rocketmq_server import RocketMqServer
from zookeeper_server import ZooKeeperServer

KINDS = {server.kind: server for server in (RedisServer, NatsServer, ZooKeeperServer, RocketMqServer, KafkaServer)}
TRIES = 3  # with other ports: somebody may take one between the look and the start


def read_options(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--dir", type=Path, help="data, configuration, log; default: a new one, removed at the end")
    parser.add_argument("--port", type=int, help="where clients connect; default: as last time in this --dir, or free")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--tls", action="store_true", help="with a certificate of an authority made for this --dir")
    parser.add_argument("--version", help="of servers that Maven fetches")
    parser.add_argument("--topic", default="pushwire", help="created by rocketmq and kafka before they are ready")
    parser.add_argument("--no-create", action="store_true",
                        help="kafka, rocketmq: no topic comes by being used; with a password, the user may make none")
    parser.add_argument("--advertise", default="127.0.0.1", metavar="HOST",
                        help="rocketmq and kafka tell clients this address in place of 127.0.0.1: a proxy's")
    parser.add_argument("--brokers", type=int, choices=(1, 2), default=1, help="rocketmq: on one name server")
    parser.add_argument("--durable", action="store_true", help="redis writes to disk before it answers")
    parser.add_argument("--fast-jit", choices=("on", "off"), default="on", help="off: for figures; slower to start")
    parser.add_argument("--config", action="append", default=[], metavar="KEY=VALUE",
                        help="one more of the server's own")
    return parser.parse_args(arguments)


def prepare(options):
    """Adds what follows from the options: files, ports, version."""
    server = KINDS[options.kind]
    options.temporary = options.dir is None
    if options.temporary:
        options.dir = Path(tempfile.mkdtemp(prefix=f"pushwire-{options.kind}-"))
    options.dir = options.dir.resolve()
    options.dir.mkdir(parents=True, exist_ok=True)
    options.version = options.version or server.versions[0]
    if options.version not in server.versions:
        raise NotReady(f"--version {options.version}: {options.kind} is known in {', '.join(server.versions)}")
    options.jit = ["-XX:TieredStopAtLevel=1"] if options.fast_jit == "on" else []
    options.authority = Authority(options.dir / "tls") if options.tls else None
    options.context = options.authority.context() if options.tls else None
    return server


def choose_ports(options, server):
    """The ports of last time, else free ones. True if all of them were chosen here and now."""
    remembered = options.dir / "ports.json"
    before = json.loads(remembered.read_text()) if remembered.exists() else {}
    options.ports = {name: before.get(name) or free_port(around) for name, around in server.ports.items()}
    if options.port:
        options.ports["port"] = options.port
    remembered.write_text(json.dumps(options.ports))
    return not before and not options.port


def start(options, server):
    for attempt in range(1, TRIES + 1):
        fresh = choose_ports(options, server)
        running = server(options)
        try:
            for process in running.processes:
                process.start()
            running.wait()
            return running
        except BaseException as error:
            kill(running)
            if not (isinstance(error, NotReady) and fresh and attempt < TRIES and "ended with code" in str(error)):
                raise
            (options.dir / "ports.json").unlink()
    raise AssertionError("not reached")


def kill(running):
    for process in running.processes:
        process.kill()


def announce(options, running):
    settings = {"bus.kind": options.kind, **running.settings()}
    if options.tls:
        settings.update({f"bus.{options.kind}.tls": "true", f"bus.{options.kind}.tls_ca": str(options.authority.ca)})
    print(json.dumps({
        "kind": options.kind, "version": options.version, "pids": [process.pid for process in running.processes],
        "processes": {process.name: process.pid for process in running.processes}, "dir": str(options.dir),
        "port": options.ports["port"], "ports": options.ports, "set": settings}), flush=True)


def serve(options, running):
    """Until standard input ends."""
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        command, *names = line.split() or [""]
        known = {process.name for process in running.processes} if command == "restart" else set()
        if command not in ("restart", "wipe") or not set(names) <= known:
            print(f"not understood: {line.strip()}", file=sys.stderr)
            continue
        again = [process for process in running.processes if not names or process.name in names]
        for process in again:
            process.kill()
        if command == "wipe":
            running.wipe()
        for process in again:
            process.start()
        running.wait()
        announce(options, running)


def leave(_signal, _frame):
    sys.exit(0)


def main(arguments):
    options = read_options(arguments)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    running = None
    try:
        server = prepare(options)
        running = start(options, server)
        announce(options, running)
        serve(options, running)
        return 0
    except NotReady as error:
        print(f"{options.kind}: {error}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if running:
            kill(running)
        if options.temporary and options.dir:
            shutil.rmtree(options.dir, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
