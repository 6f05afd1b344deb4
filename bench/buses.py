#!/usr/bin/env python3
"""Measures each bus with its real server and three nodes on this machine, and prints the table of
docs/choosing-a-bus.md.

    bench/buses.py [--kinds redis-pubsub,kafka,…] [--seconds 5] [--build build/release] [--json FILE]

For each bus, one after the other: publish-to-delivery at 1,000 pushes/s through the three APIs and out of WebSockets;
the most pushes/s, one HTTP request each, before p99 passes 100 ms; and the CPU that a record costs a node with no
session for it. Everything shares the machine: server, nodes, load. Under twelve minutes; what no longer fits is left out.
Needs only Python's standard library, pushwire and pushwire-bench in the build folder, and the servers (./run or ./test
install them). Exit code 1: something could not be measured, or a message was lost, repeated, astray or out of order.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = 300
RATE = 1000
P99_LIMIT_MS = 100
STEPS = 12
BATCH = 50
MOST_MINUTES = 11
WARM_UP_SECONDS = 55
COMPILER_SHARE = 0.08  # of a core


@dataclass(frozen=True)
class Bus:
    kind: str
    settings: dict = field(default_factory=dict)
    options: tuple = ()
    rate: int = RATE  # where the latency is measured
    first_step: int = 4000
    steady: int = 100  # requests of BATCH pushes a second
    goal_cpu: float = 0  # microseconds for a record without session


BUSES = {
    "embedded": Bus("embedded", first_step=8000),
    "redis-pubsub": Bus("redis", {"bus.redis.mode": "pubsub"}, goal_cpu=2),
    "redis-streams": Bus("redis", {"bus.redis.mode": "streams"}, goal_cpu=2),
    "nats-core": Bus("nats", {"bus.nats.mode": "core"}, goal_cpu=2),
    "nats-jetstream": Bus("nats", {"bus.nats.mode": "jetstream"}, goal_cpu=2),
    "rocketmq": Bus("rocketmq", options=("--version", "5.3.3"), goal_cpu=2),
    "kafka": Bus("kafka"),
    "zookeeper": Bus("zookeeper", rate=100, first_step=200, steady=2),
}


class Server:
    """The server of a bus (tools/bus/server.py); ends when its standard input does."""

    def __init__(self, bus, folder):
        self.settings, self.pids, self.process = {}, [], None
        if bus.kind == "embedded":
            return
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tools/bus/server.py"), bus.kind, "--dir", str(folder / "bus"), "--fast-jit",
             "off", *bus.options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server did not start: {self.process.stderr.read()[-2000:]}")
        ready = json.loads(line)
        self.settings = {**ready["set"], **bus.settings}
        self.pids = ready["pids"]

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait(20)


class Node:
    def __init__(self, build, name, settings):
        wanted = {"auth.mode": "dev", "node.name": name, "node.workers": "1", "client.listen": "127.0.0.1:0",
                  "api.listen": "127.0.0.1:0", "log.level": "warning", **settings}
        command = [build / "pushwire", "serve", *(word for k, v in wanted.items() for word in ("--set", f"{k}={v}"))]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PUSHWIRE_")}
        self.said = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=self.said,
                                        text=True, env=environment)
        hurry = threading.Timer(30, self.process.kill)
        hurry.start()
        lines = [self.process.stdout.readline() for _ in range(3)]
        hurry.cancel()
        if lines[2].strip() != "ready":
            self.process.kill()
            self.said.seek(0)
            raise RuntimeError(f"{name} did not start: {lines} {self.said.read()[-2000:]}")
        self.url = re.search(r"ws://\S+", lines[0])[0]
        self.api = re.search(r"http://\S+", lines[1])[0]

    @property
    def pid(self):
        return self.process.pid

    def metric(self, name):
        text = urllib.request.urlopen(self.api + "/metrics", timeout=10).read().decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))

    def cpu_seconds(self):
        return cpu_seconds(self.pid)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def cpu_seconds(pid):
    """User and system time of all threads of a process, in nanosecond steps (the clock of clock_getcpuclockid)."""
    return time.clock_gettime((~pid << 3) | 2)


class Cluster:
    def __init__(self, build, bus):
        self.build, self.bus, self.nodes = build, bus, []
        self.folder = tempfile.TemporaryDirectory(prefix="pushwire-buses-")
        self.server = Server(bus, Path(self.folder.name))

    def __enter__(self):
        try:
            for number in range(1 if self.bus.kind == "embedded" else 3):
                self.nodes.append(Node(self.build, f"n{number + 1}", self.server.settings))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.stop()
        self.server.stop()
        self.folder.cleanup()

    def load(self, nodes, *words, path="/v1/push", seconds=60):
        """The figures of a run of pushwire-bench."""
        with tempfile.NamedTemporaryFile(suffix=".json") as result:
            command = [self.build / "pushwire-bench", "push", "-n", CLIENTS, "--users", CLIENTS, "--settle", 0.1,
                       "--drain", 5, "--strict-order", "--quiet", "--json", result.name, *words]
            for node in nodes:
                command += ["--url", node.url, "--push-url", node.api + path, "--server-pid", node.pid]
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                                  timeout=seconds, check=False)
            text = Path(result.name).read_text()
        if not text:
            raise RuntimeError(f"pushwire-bench: {done.stdout[-1000:]} {done.stderr[-1000:]}")
        return json.loads(text)


def faults(result):
    names = ("lost", "duplicated", "out_of_order", "misrouted", "connections_failed", "connections_dropped")
    return {name: result["accounts"][name] for name in names if result["accounts"][name]}


def is_carried(result):
    accounts = result["accounts"]
    return (not accounts["refused"] and not accounts["unsent"] and not faults(result)
            and result.get("push_delivery", {}).get("p99_ms", P99_LIMIT_MS) < P99_LIMIT_MS)


def compiler_seconds(pids):
    """What the optimising compiler of a Java process has used: it takes a core for most of the first minute."""
    total = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            try:
                if (thread / "comm").read_text().startswith("C2 Compiler"):
                    total += int((thread / "schedstat").read_text().split()[0]) / 1e9
            except OSError:
                continue  # it has ended meanwhile
    return total


def warm_up(cluster):
    """Load until the server's code is compiled, at most a minute. The seconds it took."""
    begun, seconds = time.monotonic(), 1
    while True:
        before = compiler_seconds(cluster.server.pids)
        cluster.load(cluster.nodes, "--concurrency", 32, "--seconds", seconds)
        used = compiler_seconds(cluster.server.pids) - before
        if used < COMPILER_SHARE * seconds or time.monotonic() - begun > WARM_UP_SECONDS:
            return round(time.monotonic() - begun, 1)
        seconds = 5


def measure_latency(cluster, seconds):
    # 32 publishers: not a multiple of three, so that a user's pushes do not always enter the node he is on.
    load = ("--rate", cluster.bus.rate, "--concurrency", 32)
    warmed = warm_up(cluster)
    cluster.load(cluster.nodes, *load, "--seconds", 1)
    result = cluster.load(cluster.nodes, *load, "--seconds", seconds)
    delivery = result["push_delivery"]
    return {"rate": cluster.bus.rate, "p50_ms": delivery["p50_ms"], "p99_ms": delivery["p99_ms"],
            "p99_9_ms": delivery["p99_9_ms"], "nodes_cpu_us_per_push": result["server_cpu"]["us_per_request"],
            "refused": result["accounts"]["refused"], "faults": faults(result), "warm_up_s": warmed}


def measure_most(cluster, seconds):
    """Rates on a ladder, half as much again each, until one is not carried; then twice between the two."""
    carried, over, rate, steps = 0, None, cluster.bus.first_step, []
    while len(steps) < STEPS and rate >= 20:
        result = cluster.load(cluster.nodes, "--rate", rate, "--concurrency", 96, "--seconds", seconds)
        fine = is_carried(result)
        steps.append({"rate": rate, "carried": fine, "p99_ms": result.get("push_delivery", {}).get("p99_ms"),
                      "refused": result["accounts"]["refused"], "faults": faults(result)})
        carried, over = (max(carried, rate), over) if fine else (carried, min(over or rate, rate))
        if over is None:
            rate = rate * 3 // 2
        elif not carried:
            rate //= 2
        elif over / carried < 1.12:
            break
        else:
            rate = (carried + over) // 2
    return {"pushes_per_second": carried, "p99_limit_ms": P99_LIMIT_MS, "steps": steps}


def batch_body():
    absent = [{"to": {"user": f"absent-{n}"}, "data": "x" * 200} for n in range(BATCH - 1)]
    return json.dumps({"pushes": [{"to": {"user": "{user}"}, "data": "{payload}"}, *absent]}, separators=(",", ":"))


def measure_bystander(cluster, seconds):
    """A third node that nobody is connected to and nobody asks: what does a record cost it, beyond its idle life?"""
    *busy, bystander = cluster.nodes
    cpu, begun = bystander.cpu_seconds(), time.monotonic()
    time.sleep(2.2)  # an announcement at least
    idle = (bystander.cpu_seconds() - cpu) / (time.monotonic() - begun)
    loads = {"steady": ("--rate", cluster.bus.steady, "--concurrency", 32), "flood": ("--concurrency", 8)}
    figures = {}
    for name, load in loads.items():
        received = bystander.metric("pushwire_bus_receive_total")
        cpu, server_cpu, begun = bystander.cpu_seconds(), sum(map(cpu_seconds, cluster.server.pids)), time.monotonic()
        cluster.load(busy, *load, "--seconds", seconds, "--push-body", batch_body(), path="/v1/push/batch")
        time.sleep(1.2)  # metrics are at most a second old
        used = bystander.cpu_seconds() - cpu - idle * (time.monotonic() - begun)
        server_used = sum(map(cpu_seconds, cluster.server.pids)) - server_cpu
        count = bystander.metric("pushwire_bus_receive_total") - received
        if not count:
            raise RuntimeError("the bystander received nothing")
        figures[name] = {"records_per_second": round(count / seconds), "records": int(count),
                         "cpu_us_per_record": round(used * 1e6 / count, 2),
                         "server_cpu_us_per_record": round(server_used * 1e6 / count, 2),
                         "idle_cpu_us_per_second": round(idle * 1e6)}
    return figures


def measure(build, bus, seconds):
    with Cluster(build, bus) as cluster:
        row = {"latency": measure_latency(cluster, seconds), "most": measure_most(cluster, max(2, seconds / 2))}
        if bus.kind != "embedded":
            row["bystander"] = measure_bystander(cluster, max(2, seconds / 2))
    return row


def show(rows):
    print("| bus | p50 | p99 | most pushes/s | CPU per record without session, at 5,000/s | the same, flood |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, row in rows.items():
        if "error" in row:
            print(f"| {name} | not measured: {row['error'].splitlines()[0]} | | | | |")
            continue
        latency, most = row["latency"], row["most"]["pushes_per_second"]
        rate = "" if latency["rate"] == RATE else f" at {latency['rate']}/s"
        cells = [name, f"{latency['p50_ms']:.2f} ms{rate}", f"{latency['p99_ms']:.2f} ms{rate}", f"{most:,}"]
        for load in ("steady", "flood"):
            cost = row.get("bystander", {}).get(load)
            cells.append(f"{cost['cpu_us_per_record']:.2f} us at {cost['records_per_second']:,}/s" if cost else "")
        print("| " + " | ".join(cells) + " |")


def missed_goals(rows):
    for name, row in rows.items():
        if "error" in row or name in ("embedded", "zookeeper"):
            continue
        if row["latency"]["p99_ms"] >= 10:
            yield f"{name}: p99 {row['latency']['p99_ms']} ms at {RATE} pushes/s, goal below 10"
        if row["most"]["pushes_per_second"] < 10_000:
            yield f"{name}: {row['most']['pushes_per_second']} pushes/s, goal 10,000"
        costs = [cost["cpu_us_per_record"] for cost in row.get("bystander", {}).values()]
        if BUSES[name].goal_cpu and costs and min(costs) >= BUSES[name].goal_cpu:
            yield f"{name}: {min(costs)} us for a record without session, goal below {BUSES[name].goal_cpu}"


def all_faults(rows):
    for name, row in rows.items():
        if "error" in row:
            yield f"{name}: {row['error']}"
            continue
        for part in (row["latency"], *row["most"]["steps"]):
            if part["faults"]:
                yield f"{name} at {part['rate']}/s: {part['faults']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--kinds", default=",".join(BUSES), help="some of: " + " ".join(BUSES))
    parser.add_argument("--seconds", type=float, default=5, help="of the run that measures the latency")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    if unknown := set(kinds) - set(BUSES):
        parser.error(f"--kinds: {', '.join(sorted(unknown))}: known are {', '.join(BUSES)}")

    rows, begun = {}, time.monotonic()
    for name in kinds:
        if time.monotonic() - begun > MOST_MINUTES * 60:
            rows[name] = {"error": f"left out after {MOST_MINUTES} minutes"}
            continue
        load_before = os.getloadavg()[0]
        try:
            rows[name] = measure(options.build.resolve(), BUSES[name], options.seconds)
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            rows[name] = {"error": str(error)}
        rows[name]["load_before"] = load_before
        print(f"{name}: done after {time.monotonic() - begun:.0f} s", file=sys.stderr)
        if options.json:
            options.json.write_text(json.dumps(rows, indent=1) + "\n")
    show(rows)
    for text in (*missed_goals(rows), *(found := list(all_faults(rows)))):
        print(text, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
