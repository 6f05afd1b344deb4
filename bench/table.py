#!/usr/bin/env python3
"""Measures the product against the floor program and prints the table of docs/performance.md.

    bench/table.py [--build build/release] [--rounds 5] [--only REGEX] [--json FILE] [--record]

Every row is the median of several rounds, floor and product by turns, server on core 0 and load on core 1. Ratios are
what counts: absolute times depend on the machine. A figure that is more than 15 % above the recorded one (times by the
clock: twice as high; bench/baseline.json, written by --record) is marked WORSE and makes the exit code 1. Under ten
minutes.
Needs only Python's standard library and pushwire, pushwire-bench and pushwire-floor in the build folder.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef"
MANY = 15000
TOPIC = '{"to":{"topic":"t"},"data":"{payload}"}'
DEV = {"auth.mode": "dev", "node.workers": "1", "client.listen": "127.0.0.1:0", "api.listen": "127.0.0.1:0",
       "log.level": "warning"}
LEAVE_SECONDS = 7  # the node gives memory back when it has been quiet for four seconds
NOISE = 1.15
LATENCY_NOISE = 2.0  # times by the clock depend on who else runs

B = "broadcast 200 B to 15,000, CPU us per delivery"
F = "broadcast to {}, CPU us per delivery"

# Contenders: floor and product, each by send() and through a ring; the product on both cores with one and two workers.
FLOOR, FLOOR_RING, OURS, OURS_RING = "floor", "floor ring", "pushwire", "pushwire ring"
ONE_WORKER, TWO_WORKERS = "one worker", "two workers"
SETTINGS = {OURS: {"client.io": "epoll"}, OURS_RING: {"client.io": "uring"},
            ONE_WORKER: {"client.io": "epoll"}, TWO_WORKERS: {"client.io": "epoll", "node.workers": "2"}}


def pin(cores):
    return lambda: os.sched_setaffinity(0, cores)


class Server:
    """A server with its ports known, on core 0 if it is one of one thread; ended by its pid."""

    def __init__(self, build, contender, settings=None):
        if contender in (FLOOR, FLOOR_RING):
            command = [build / "pushwire-floor", *(["--uring"] if contender == FLOOR_RING else [])]
        else:
            wanted = DEV | SETTINGS[contender] | (settings or {})
            command = [build / "pushwire", "serve", *(w for k, v in wanted.items() for w in ("--set", f"{k}={v}"))]
        self.preset = "floor" if contender in (FLOOR, FLOOR_RING) else "pushwire"
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True,
                                        preexec_fn=pin({0, 1} if contender in (ONE_WORKER, TWO_WORKERS) else {0}))
        lines = [self.process.stdout.readline() for _ in range(3)]
        if lines[2].strip() != "ready":
            self.process.kill()
            raise RuntimeError(f"{command[0]} did not start: {lines}")
        self.url = re.search(r"ws://\S+", lines[0])[0]
        self.api = re.search(r"http://\S+", lines[1])[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Bench:
    """Runs of pushwire-bench; results by contender and name, one list of rounds each."""

    def __init__(self, build, only):
        self.build = build
        self.only = re.compile(only)
        self.values = defaultdict(list)
        self.started = time.monotonic()

    def wants(self, name):
        return self.only.search(name) is not None

    def start_load(self, server, words, url_tail=""):
        url = server.url + ("?user={user}" + url_tail if url_tail else "")
        result = tempfile.NamedTemporaryFile(suffix=".json")
        command = [self.build / "pushwire-bench", *words, "--preset", server.preset, "--url", url,
                   "--push-url", server.api + "/v1/push", "--server-pid", server.process.pid, "--client-cores", 1,
                   "--strict-order", "--quiet", "--json", result.name]
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True)
        return process, result

    def finish_load(self, process, result):
        output, _ = process.communicate(timeout=200)
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, process.args))}\n{output}")
        return json.loads(Path(result.name).read_text())

    def load(self, server, *words, url_tail=""):
        return self.finish_load(*self.start_load(server, words, url_tail))

    def note(self, contender, name, value):
        self.values[contender, name].append(value)

    def ratio(self, measured, compared):
        """The median of the ratios of the same round: what slows both down for a while does not count."""
        pairs = zip(self.values.get(measured, ()), self.values.get(compared, ()))
        ratios = [one / other for one, other in pairs if other]
        return statistics.median(ratios) if ratios else None

    def median(self, contender, name):
        rounds = self.values.get((contender, name))
        return statistics.median(rounds) if rounds else None


def tokens(count):
    """A file with an HS256 token for each user."""
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    file = tempfile.NamedTemporaryFile("w", suffix=".tokens")
    head = part({"alg": "HS256", "typ": "JWT"})
    for number in range(count):
        signed = head + b"." + part({"sub": f"user-{number}", "exp": int(time.time()) + 3600})
        mac = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
        file.write((signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode() + "\n")
    file.flush()
    return file


# What is measured. Each takes one round of one contender and notes what it found.

def broadcast(bench, contender):
    with Server(bench.build, contender) as server:
        result = bench.load(server, "broadcast", "-n", MANY, "--messages", 6, "--settle", 0.7)
    bench.note(contender, "user memory per idle connection, bytes", result["memory_idle"]["user_bytes_per_connection"])
    bench.note(contender, "same after six broadcasts", result["memory_after"]["user_bytes_per_connection"])
    bench.note(contender, "kernel slab per connection, both ends, bytes",
               result["memory_idle"]["slab_bytes_per_connection_both_ends"])
    bench.note(contender, "handshake without token, CPU us", result["handshake"]["cpu_us"])
    bench.note(contender, B, result["server_cpu"]["us_per_delivery"])


def leave(bench, contender):
    with Server(bench.build, contender) as server:
        result = bench.load(server, "broadcast", "-n", MANY, "--messages", 1, "--leave", 80, "--settle", LEAVE_SECONDS)
    bench.note(contender, "KiB before 80 % leave", result["memory_after"]["user_kib_above_empty"])
    bench.note(contender, "KiB kept after 80 % have left", result["memory_after_leaving"]["user_kib_above_empty"])


def few(bench, contender):
    for count in (1000, 4000):
        with Server(bench.build, contender) as server:
            result = bench.load(server, "broadcast", "-n", count, "--messages", 20000 // count)
        bench.note(contender, F.format(f"{count:,}"), result["server_cpu"]["us_per_delivery"])


def topic(bench, contender):
    with Server(bench.build, contender) as server:
        result = bench.load(server, "broadcast", "-n", MANY, "--messages", 6, "--settle", 0.2, "--broadcast-body", TOPIC,
                            url_tail="&topics=t")
    bench.note(contender, "topic of 15,000, CPU us per delivery", result["server_cpu"]["us_per_delivery"])


def workers(bench, contender):
    with Server(bench.build, contender) as server:
        result = bench.load(server, "broadcast", "-n", MANY, "--messages", 6, "--settle", 0.2)
    bench.note(contender, B, result["server_cpu"]["us_per_delivery"])


def push(bench, contender):
    with Server(bench.build, contender) as server:
        result = bench.load(server, "push", "-n", 10000, "--users", 5000, "--rate", 3000, "--seconds", 3,
                            "--settle", 0.2)
    bench.note(contender, "push at 3,000/s, CPU us (two deliveries)", result["server_cpu"]["us_per_request"])
    bench.note(contender, "same, latency p99, ms", result["push_delivery"]["p99_ms"])


def most(bench, contender):
    with Server(bench.build, contender) as server:
        result = bench.load(server, "push", "-n", 10000, "--users", 5000, "--seconds", 2, "--concurrency", 64,
                            "--settle", 0.2)
    bench.note(contender, "most pushes per second", result["throughput"]["requests_per_second"])


def beside(bench, contender):
    for rate, name in ((0, "push p99, no broadcast, ms"), (1, "push p99, a broadcast every second, ms")):
        with Server(bench.build, contender) as server:
            result = bench.load(server, "push", "-n", MANY, "--rate", 500, "--seconds", 4, "--broadcast-rate", rate,
                                "--settle", 0.2)
        bench.note(contender, name, result["push_delivery"]["p99_ms"])


def token_handshake(bench, contender):
    settings = {"auth.mode": "jwt", "auth.hmac_secret": SECRET}
    with tokens(MANY) as file, Server(bench.build, contender, settings) as server:
        result = bench.load(server, "connect", "-n", MANY, "--tokens", file.name, "--settle", 0,
                            "--header", "Authorization: Bearer {token}")
    bench.note(contender, "handshake HS256, CPU us", result["handshake"]["cpu_us"])


def storm(bench, contender):
    with Server(bench.build, contender) as server:
        result = bench.load(server, "storm", "-n", MANY, "--settle", 0.5)
    bench.note(contender, "15,000 reconnect at once: all back, s", result["storm"]["all_back_seconds"])
    bench.note(contender, "same, CPU us per reconnect", result["storm"]["cpu_us_per_reconnect"])
    bench.note(contender, "user memory before a storm", result["memory_idle"]["user_bytes_per_connection"])
    bench.note(contender, "user memory after a storm", result["memory_after"]["user_bytes_per_connection"])


def heartbeats(bench, contender):
    """50 s of connections that never speak: two rounds of pings; /metrics is scraped before they begin."""
    with Server(bench.build, contender) as server:
        process, result = bench.start_load(server, ("idle", "-n", MANY, "--seconds", 50, "--settle", 7))
        time.sleep(5)
        scrapes = []
        for _ in range(15):
            begin = time.monotonic()
            urllib.request.urlopen(server.api + "/metrics").read()
            scrapes.append((time.monotonic() - begin) * 1e3)
        bench.note(contender, "/metrics with 15,000 connections, ms", statistics.median(scrapes))
        idle = bench.finish_load(process, result)["idle"]
    bench.note(contender, HEART, idle["cpu_us_per_connection_and_minute"])


# Groups of what is compared; each group is measured by turns.
GROUPS = {
    "broadcast": ([(broadcast, FLOOR), (broadcast, OURS), (topic, OURS), (few, FLOOR), (few, OURS),
                   (token_handshake, OURS), (broadcast, FLOOR_RING), (broadcast, OURS_RING)], 5),
    "leave": ([(leave, OURS)], 1),
    "workers": ([(workers, ONE_WORKER), (workers, TWO_WORKERS)], 5),
    "push": ([(push, FLOOR), (push, OURS)], 5),
    "most": ([(most, FLOOR), (most, OURS)], 5),
    "beside": ([(beside, OURS)], 5),
    "storm": ([(storm, FLOOR), (storm, OURS)], 5),
    "heartbeats": ([(heartbeats, OURS_RING)], 1),
}

HEART = "heartbeats, CPU us per connection and minute"
NO_TOKEN = "handshake without token, CPU us"
# Row, (contender, name) measured, (contender, name) compared with or None, kind of goal, goal.
# "ratio": measured / compared at most goal. "at least": that ratio at least goal. "value": measured at most goal.
ROWS = (
    ("user memory per idle connection, bytes", (OURS, "user memory per idle connection, bytes"), None, "value", 384),
    ("same after six broadcasts", (OURS, "same after six broadcasts"),
     (OURS, "user memory per idle connection, bytes"), "ratio", 1.05),
    ("same after all left and came back", (OURS, "user memory after a storm"), (OURS, "user memory before a storm"),
     "ratio", 1.05),
    ("KiB kept after 80 % have left", (OURS, "KiB kept after 80 % have left"), (OURS, "KiB before 80 % leave"), "ratio",
     0.5),
    ("kernel slab per connection, both ends, bytes", (OURS, "kernel slab per connection, both ends, bytes"),
     (FLOOR, "kernel slab per connection, both ends, bytes"), "ratio", 1.03),
    (B + ", epoll", (OURS, B), (FLOOR, B), "ratio", 1.10),
    (B + ", ring", (OURS_RING, B), (FLOOR_RING, B), "ratio", 1.10),
    ("the floor's ring against its send()", (FLOOR_RING, B), (FLOOR, B), "ratio", None),
    ("topic of 15,000, CPU us per delivery", (OURS, "topic of 15,000, CPU us per delivery"), (OURS, B), "ratio", 1.05),
    ("broadcast to 1,000, CPU us per delivery", (OURS, F.format("1,000")), (FLOOR, F.format("1,000")), "ratio", 1.10),
    ("broadcast to 4,000, CPU us per delivery", (OURS, F.format("4,000")), (FLOOR, F.format("4,000")), "ratio", 1.10),
    ("broadcast to 1,000 against 15,000", (OURS, F.format("1,000")), (OURS, B), "ratio", 1.15),
    ("the same of the floor", (FLOOR, F.format("1,000")), (FLOOR, B), "ratio", None),
    ("broadcast by two workers against one", (TWO_WORKERS, B), (ONE_WORKER, B), "ratio", 1.10),
    ("push at 3,000/s, CPU us (two deliveries)", (OURS, "push at 3,000/s, CPU us (two deliveries)"),
     (FLOOR, "push at 3,000/s, CPU us (two deliveries)"), "ratio", 1.6),
    ("same, latency p99, ms", (OURS, "same, latency p99, ms"), (FLOOR, "same, latency p99, ms"), "ratio", None),
    ("most pushes per second", (OURS, "most pushes per second"), (FLOOR, "most pushes per second"), "at least", 0.6),
    ("push p99, a broadcast every second, ms", (OURS, "push p99, a broadcast every second, ms"),
     (OURS, "push p99, no broadcast, ms"), "ratio", 3.0),
    ("same, alone", (OURS, "push p99, a broadcast every second, ms"), None, "value", 10),
    (NO_TOKEN, (OURS, NO_TOKEN), (FLOOR, NO_TOKEN), "ratio", 1.6),
    ("handshake HS256, CPU us", (OURS, "handshake HS256, CPU us"), (FLOOR, NO_TOKEN), "ratio", 2.2),
    ("15,000 reconnect at once: all back, s", (OURS, "15,000 reconnect at once: all back, s"),
     (FLOOR, "15,000 reconnect at once: all back, s"), "ratio", 1.5),
    ("same, CPU us per reconnect", (OURS, "same, CPU us per reconnect"), (FLOOR, "same, CPU us per reconnect"),
     "ratio", None),
    (HEART, (OURS_RING, HEART), None, "value", 18),
    ("/metrics with 15,000 connections, ms", (OURS_RING, "/metrics with 15,000 connections, ms"), None, "value", 2),
)


def run_all(bench, rounds):
    for group, (steps, most_rounds) in GROUPS.items():
        if not bench.wants(group):
            continue
        for number in range(min(rounds, most_rounds)):
            turn = number % len(steps)  # nobody is always the first
            for measure, contender in steps[turn:] + steps[:turn]:
                try:
                    measure(bench, contender)
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    print(f"{measure.__name__}, {contender}: {error}", file=sys.stderr)
                    bench.failed = True
        print(f"{group}: done after {time.monotonic() - bench.started:.0f} s", file=sys.stderr)


def judge(kind, figure, goal):
    if figure is None or goal is None:
        return ""
    return "yes" if (figure >= goal if kind == "at least" else figure <= goal) else "NO"


def got_worse(name, kind, figure, recorded):
    if figure is None or not recorded:
        return False
    noise = LATENCY_NOISE if "p99" in name or name.endswith((", s", ", ms")) else NOISE
    return figure * noise < recorded if kind == "at least" else figure > recorded * noise


def make_rows(bench, baseline):
    rows = []
    for name, measured, compared, kind, goal in ROWS:
        value = bench.median(*measured)
        other = bench.median(*compared) if compared else None
        if value is None:
            continue
        figure = bench.ratio(measured, compared) if compared else value
        rows.append({"row": name, "value": value, "compared": other, "figure": figure, "kind": kind, "goal": goal,
                     "met": judge(kind, figure, goal), "recorded": baseline.get(name),
                     "worse": got_worse(name, kind, figure, baseline.get(name))})
    return rows


def show(rows):
    def text(number):
        return "" if number is None else f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.2f}"

    print(f"{'':<56} {'value':>10} {'against':>10} {'ratio':>7} {'goal':>8} {'met':>4} {'recorded':>9}")
    for row in rows:
        ratio = row["figure"] if row["compared"] is not None else None
        goal = "" if row["goal"] is None else (">= " if row["kind"] == "at least" else "<= ") + text(row["goal"])
        print(f"{row['row']:<56} {text(row['value']):>10} {text(row['compared']):>10} {text(ratio):>7} {goal:>8} "
              f"{row['met']:>4} {text(row['recorded']):>9}{'  WORSE' if row['worse'] else ''}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, default=HERE.parent / "build/release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="groups whose name matches: " +
                        " ".join(GROUPS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--record", action="store_true", help="write bench/baseline.json")
    options = parser.parse_args()

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    baseline_file = HERE / "baseline.json"
    baseline = json.loads(baseline_file.read_text()) if baseline_file.exists() else {}
    bench = Bench(options.build.resolve(), options.only)
    bench.failed = False
    run_all(bench, options.rounds)
    rows = make_rows(bench, baseline)
    show(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    if options.record:
        baseline |= {row["row"]: round(row["figure"], 3) for row in rows if row["figure"] is not None}
        baseline_file.write_text(json.dumps(baseline, indent=1) + "\n")
    return 1 if bench.failed or any(row["worse"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
