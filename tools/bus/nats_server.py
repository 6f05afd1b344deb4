"""One NATS server with JetStream on; core and JetStream are two modes of the client."""

import json
import shutil

from processes import NotReady, Process, connect, empty, wait_until


class NatsServer:
    kind = "nats"
    versions = ("debian",)
    ports = {"port": (0,)}

    def __init__(self, options):
        self.options = options
        self.data = options.dir / "data"
        program = shutil.which("nats-server", path="/usr/sbin:/usr/bin:/usr/local/bin") or shutil.which("nats-server")
        if not program:
            raise NotReady("nats-server is missing: install the package nats-server")
        config = options.dir / "nats.conf"
        config.write_text("\n".join(self._lines()) + "\n")
        self.processes = [Process("nats", [program, "-c", config], options.dir / "nats.log")]

    def _lines(self):
        options = self.options
        lines = ["listen: " + json.dumps(f"127.0.0.1:{options.ports['port']}"),
                 "jetstream { store_dir: " + json.dumps(str(self.data)) + " }"]
        if options.tls:
            files = options.authority
            lines += [f"tls {{ cert_file: {json.dumps(str(files.cert))}, key_file: {json.dumps(str(files.key))} }}"]
        if options.password:
            lines += [f"authorization {{ user: {json.dumps(self._user())}, password: {json.dumps(options.password)} }}"]
        return lines + [line.replace("=", ": ", 1) for line in options.config]

    def _user(self):
        return self.options.user or "pushwire"

    def wipe(self):
        empty(self.data)

    def wait(self):
        wait_until(self._answers, "nats", self.processes)

    def _answers(self):
        # The greeting comes in the clear, also where TLS follows.
        with connect(self.options.ports["port"]) as connection:
            line = b""
            while not line.endswith(b"\n"):
                part = connection.recv(4096)
                if not part:
                    return False
                line += part
            return json.loads(line.split(b" ", 1)[1]).get("jetstream", False)

    def settings(self):
        options = self.options
        settings = {"bus.nats.servers": f"127.0.0.1:{options.ports['port']}"}
        if options.password:
            settings.update({"bus.nats.username": self._user(), "bus.nats.password": options.password})
        return settings
