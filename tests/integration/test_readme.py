"""Every command and script of README.md works as it stands.

The convention for whoever writes README.md:
* Blocks fenced with ```sh (or ```bash) are run from top to bottom, one bash session for each block, in the root of
  the tree. Whatever is not to be run (output, configuration) is fenced otherwise: ```text, ```toml, ```json.
* A line that is `./run` with any arguments starts the node in the background; the blocks behind it talk to it. Free
  ports are appended as settings, and 127.0.0.1:8000 and :8001 (or localhost) in later blocks become those.
* Lines with `./test`, `./dev …` or `git clone …` are not run (the suite itself is run by them); the script has to be
  there. `cd` is left out.
* A command that goes on for ever (a client that listens) must not stand in an sh block.
* The first ```js block is what a page does: it connects as a user (dev auth) with WebSocket by connect('NAME', …),
  shows each message with console.log, and reconnects with back-off unless the close code forbids it. It runs in Node
  with `ws` as WebSocket.
"""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from support.gateway import ROOT, Gateway, clean_environment
from support.node import NODE_FOLDER, Lines
from support.readme import blocks
from support.waiting import eventually

README = ROOT / "README.md"
NOT_RUN = re.compile(r"^\s*(\./test|\./dev|git clone|cd)\b")
USER = re.compile(r"\bconnect\('([\w-]+)'")


@pytest.fixture(scope="module")
def readme():
    found = blocks(README.read_text())
    assert [block for block in found if block.language == "sh"], "README.md has no sh block"
    assert [block for block in found if block.language == "js"], "README.md has no js block"
    return found


def with_ports(text, gateway):
    for default, real in ((8000, gateway.client_port), (8001, gateway.api_port)):
        text = re.sub(rf"\b(127\.0\.0\.1|localhost):{default}\b", rf"\1:{real}", text)
    return text


class RunScript(Gateway):
    """`./run` as the leader of a process group, so that a signal reaches all of it, as Ctrl-C does."""

    def __init__(self, arguments, folder):
        super().__init__({"client.listen": "127.0.0.1:0", "api.listen": "127.0.0.1:0"}, folder=folder,
                         command=["setsid", "./run", *arguments])

    def signal(self, number):
        os.killpg(self.pid, number)

    def kill(self):
        os.killpg(self.pid, signal.SIGKILL)
        super().kill()


def run_block(block, gateway):
    commands = [command for command in block.commands() if not NOT_RUN.match(command)]
    for command in block.commands():
        if script := re.match(r"^\s*(\./\w+)", command):
            assert os.access(ROOT / script[1], os.X_OK), f"README.md:{block.line}: {command}"
    if not commands:
        return ""
    assert gateway, f"README.md:{block.line}: commands before ./run: {commands}"
    run = subprocess.run(["bash", "-euo", "pipefail", "-c", with_ports("\n".join(commands), gateway)], cwd=ROOT,
                         env=clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=30)
    assert run.returncode == 0, f"README.md:{block.line}:\n{run.stdout}"
    assert '"error"' not in run.stdout, f"README.md:{block.line}:\n{run.stdout}"
    return run.stdout


def test_every_command_works(readme, tmp_path):
    gateway, pushed = None, 0
    try:
        for block in readme:
            if block.language != "sh":
                continue
            starts = [command for command in block.commands() if re.match(r"^\s*\./run\b", command)]
            if starts and gateway is None:
                gateway = RunScript(starts[0].split("#")[0].split()[1:], tmp_path)
            block.text = "\n".join(line for line in block.text.splitlines() if not re.match(r"^\s*\./run\b", line))
            pushed += '"accepted":true' in run_block(block, gateway)
        assert gateway, "README.md never starts ./run"
        assert pushed, "README.md never pushes anything"
        gateway.signal(signal.SIGINT)
        assert gateway.wait() == 0
    finally:
        if gateway and not gateway.finished:
            gateway.kill()


def page_script(readme, gateway, tmp_path):
    """The first js block in Node."""
    script = tmp_path / "page.mjs"
    text = next(block for block in readme if block.language == "js").text
    script.write_text(with_ports(text, gateway))
    user = USER.search(text)
    assert user, "the script has to say connect('NAME', …)"
    return user[1], [shutil.which("node"), "--require", NODE_FOLDER / "browser_websocket.cjs", script]


def test_page_script_receives_reconnects_and_stops_when_told(readme, serve, tmp_path):
    gateway = serve()
    user, command = page_script(readme, gateway, tmp_path)

    def online(gateway):
        return gateway.api.user(user)["online"]

    with Lines(command) as page:
        eventually(lambda: online(gateway), "the script connects", 10)
        gateway.api.push({"user": user}, data={"order": "first-one"})
        page.line_with("first-one")

        port = gateway.client_port
        assert gateway.stop() == 0
        again = serve({"client.listen": f"127.0.0.1:{port}"})
        eventually(lambda: online(again), "the script reconnects", 20)
        again.api.push({"user": user}, data={"order": "second-one"})
        page.line_with("second-one")

        assert again.api.kick(user) == 1
        eventually(lambda: not online(again), "kicked")
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:  # the rule is about time: it stays away
            assert not online(again), "3503 forbids to reconnect"
            time.sleep(0.1)
