"""Processes that end with this one, free ports, and waiting for a server to answer."""

import ctypes
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
# Below the range from which the kernel takes ports of outgoing connections: one of those may sit on a "free" port.
FIRST_PORT, LAST_PORT = 20000, 32700


class NotReady(Exception):
    """A server that did not start; the text is for a person."""


def _die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One server process, its output in a file. Ends with this program, whatever ends it."""

    def __init__(self, name, command, log):
        self.name, self.command, self.log = name, [str(part) for part in command], Path(log)
        self.child = None

    def start(self):
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent)

    @property
    def pid(self):
        return self.child.pid

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def kill(self):
        if self.alive():
            self.child.kill()
            self.child.wait()

    def tail(self, size=2000):
        try:
            return self.log.read_bytes()[-size:].decode(errors="replace")
        except OSError:
            return ""


def empty(folder):
    """Leaves the folder without content, also if it was not there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def _is_free(port):
    # Every interface: some servers listen on all of them for purposes of their own.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def free_port(around=(0,)):
    """A port P such that P + each of `around` is free just now."""
    for _ in range(1000):
        port = random.randrange(FIRST_PORT, LAST_PORT)
        if all(_is_free(port + step) for step in around):
            return port
    raise NotReady("no free port found")


def wait_until(check, what, processes, seconds=120.0, pause=0.02):
    """Calls check() until it returns something true; OSError counts as "not yet". Fails when a process has ended."""
    deadline = time.monotonic() + seconds
    last = ""
    while time.monotonic() < deadline:
        for process in processes:
            if not process.alive():
                raise NotReady(f"{process.name} ended with code {process.child.poll()} at its start:\n{process.tail()}")
        try:
            result = check()
            if result:
                return result
        except OSError as error:
            last = str(error)
        time.sleep(pause)
    tails = "\n".join(f"{process.name}: {process.tail()}" for process in processes)
    raise NotReady(f"{what} not ready after {seconds:.0f} s ({last})\n{tails}")


def connect(port, context=None, seconds=2.0):
    """A TCP connection to 127.0.0.1, with TLS if a context is given."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=seconds)
    if context is None:
        return connection
    try:
        return context.wrap_socket(connection, server_hostname="localhost")
    except OSError:
        connection.close()
        raise


def receive(connection, size):
    """Exactly `size` bytes."""
    parts = []
    while size > 0:
        part = connection.recv(size)
        if not part:
            raise ConnectionError("closed by the server")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
