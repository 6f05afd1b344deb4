"""The gateway as a process: started on free ports, read from, signalled, and never left behind."""

import os
import queue
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from support.api import Api
from support.metrics import Metrics

ROOT = Path(__file__).resolve().parents[3]
BINARY = os.environ.get("PUSHWIRE_BINARY", str(ROOT / "build/release/pushwire"))
START_TIMEOUT = 20.0
DEV = {"auth.mode": "dev"}


def clean_environment(extra=None):
    """Ours without PUSHWIRE_*: the program takes every such variable for a configuration key."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PUSHWIRE_")}
    return {**kept, **(extra or {})}


def set_arguments(settings):
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


def run_command(*arguments, env=None, stdin=None, timeout=20):
    """A subcommand that ends by itself: the finished process with stdout and stderr as text."""
    return subprocess.run([BINARY, *map(str, arguments)], env=clean_environment(env), input=stdin,
                          stdin=None if stdin is not None else subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout)


class Gateway:
    """`pushwire serve` with its listeners known. Requires: stop() or kill() in the end."""

    def __init__(self, settings=None, *, folder, config=None, env=None, nofile=None, key=None, command=None, tls=None):
        free_ports = {"client.listen": "127.0.0.1:0", "api.listen": "127.0.0.1:0", "node.workers": 2}
        if config is not None:
            free_ports = {}
        # setpriv and prlimit exec what follows, so that the pid is the gateway's own.
        wrap = ["setpriv", "--pdeathsig", "KILL"]
        if nofile:
            wrap += ["prlimit", f"--nofile={nofile}:{nofile}"]
        arguments = command or [BINARY, "serve"]
        if config is not None:
            arguments = [*arguments, "--config", str(config)]
        self.stderr_path = Path(folder) / f"gateway-{time.monotonic_ns()}.stderr"
        with self.stderr_path.open("wb") as stderr:
            self.process = subprocess.Popen([*wrap, *arguments, *set_arguments({**free_ports, **(settings or {})})],
                                            env=clean_environment(env), stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=ROOT)
        self.finished = False
        self.lines = []
        self._queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        self.client_port = self._port(r"^clients on wss?://.*:(\d+)/")
        self.api_port = self._port(r"^api on https?://.*:(\d+)$")
        self.secure = self.lines[0].startswith("clients on wss:")
        self.tls = tls  # an ssl context: for both ports, as far as they speak TLS
        secure_api = any(line.startswith("api on https:") for line in self.lines)
        self.api = Api(self.api_port, key, tls=tls if secure_api else None)

    def _read(self):
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                line = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"not ready within {START_TIMEOUT} s: {self.lines}\n{self.stderr()}") from None
            assert line is not None, f"ended before it was ready: {self.lines}\n{self.stderr()}"
            self.lines.append(line)
            if line == "ready":
                return

    def _port(self, pattern):
        ports = [match[1] for match in (re.match(pattern, line) for line in self.lines) if match]
        assert ports, f"no line like {pattern}: {self.lines}"
        return int(ports[0])

    @property
    def ws_url(self):
        return f"{'wss' if self.secure else 'ws'}://127.0.0.1:{self.client_port}/ws"

    @property
    def pid(self):
        return self.process.pid

    def metrics(self):
        return Metrics(self.api.get("/metrics").body.decode())

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=15.0):
        """The exit code."""
        code = self.process.wait(timeout)
        self.finished = True
        return code

    def stop(self, timeout=15.0):
        """SIGTERM and the exit code; a gateway that does not end is killed, and that is a failure."""
        if self.finished:
            return self.process.returncode
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end within {timeout} s of SIGTERM\n{self.stderr()[-4000:]}") from None

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self.finished = True
