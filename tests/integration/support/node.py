"""A client in Node, as a process that is driven by lines of JSON."""

import json
import queue
import shutil
import subprocess
import threading

from support.gateway import ROOT, clean_environment

NODE_FOLDER = ROOT / "tests/node"
TIMEOUT = 10


class Lines:
    """A process whose lines of stdout can be awaited. Use as a context: it does not outlive it."""

    def __init__(self, arguments, **options):
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, arguments)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env=clean_environment(), **options)
        self.seen = []
        self._queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def line(self, timeout=TIMEOUT):
        try:
            line = self._queue.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"no line within {timeout} s; before: {self.seen}") from None
        assert line is not None, f"the process ended; before: {self.seen}"
        self.seen.append(line)
        return line

    def line_with(self, text, timeout=TIMEOUT):
        while text not in (line := self.line(timeout)):
            pass
        return line

    def write(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(10)
        self.process.stdin.close()


class NodeClient(Lines):
    """tests/node/client.mjs."""

    def __init__(self, url, protocols=(), headers=None):
        node = shutil.which("node")
        assert node, "node is not installed"
        options = json.dumps({"url": url, "protocols": list(protocols), "headers": headers or {}})
        super().__init__([node, "client.mjs", options], cwd=NODE_FOLDER)

    def event(self, kind):
        """The next event, which has to be of this kind; pings are passed over."""
        while True:
            event = json.loads(self.line())
            if event["event"] != "ping" or kind == "ping":
                assert event["event"] == kind, event
                return event

    def frame(self):
        return json.loads(self.event("message")["text"])

    def send(self, frame):
        self.write(json.dumps({"send": json.dumps(frame)}))

    def close(self, code):
        self.write(json.dumps({"close": code}))
