"""A bus server as a process (tools/bus/server.py): started, killed with -9, started again, and never left behind."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field

from support.gateway import ROOT

PROGRAM = ROOT / "tools/bus/server.py"
START_TIMEOUT = 100.0  # the first time, Java servers are fetched
RESTART_TIMEOUT = 30.0


@dataclass(frozen=True)
class BusKind:
    """What a test has to know of a bus."""

    kind: str
    settings: dict = field(default_factory=dict)  # of pushwire, beyond those that the server names
    options: tuple = ()  # of tools/bus/server.py
    replays: bool = True  # nothing accepted is lost when the server is killed with -9 and comes back
    rate: float = 100.0  # pushes per second that it is asked to carry in tests


class BusServer:
    """Requires: stop() in the end."""

    def __init__(self, bus, folder):
        self.bus = bus
        self.errors = folder / "bus.stderr"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAM), bus.kind, "--dir", str(folder / "bus"), *bus.options],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.ready = self._announcement(START_TIMEOUT)
        except BaseException:
            self.stop()
            raise

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _announcement(self, timeout):
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            line = None
        assert line is not None, f"{self.bus.kind} did not start:\n{self.errors.read_text(errors='replace')[-4000:]}"
        return json.loads(line)

    @property
    def settings(self):
        """Settings of pushwire that reach it."""
        return {**self.ready["set"], **self.bus.settings}

    def kill(self):
        """All its processes at once, as a machine that loses power (the disk keeps what the kernel had)."""
        for pid in self.ready["pids"]:
            os.kill(pid, signal.SIGKILL)

    def start_again(self):
        """After kill(): the same addresses and data."""
        self.process.stdin.write("restart\n")
        self.process.stdin.flush()
        self.ready = self._announcement(RESTART_TIMEOUT)

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
