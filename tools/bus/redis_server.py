"""One Redis server; Pub/Sub and Streams are two modes of the client."""

import shutil

from processes import NotReady, Process, connect, empty, wait_until


class RedisServer:
    kind = "redis"
    versions = ("debian",)
    ports = {"port": (0,)}

    def __init__(self, options):
        self.options = options
        program = shutil.which("redis-server")
        if not program:
            raise NotReady("redis-server is missing: install the package redis-server")
        self.data = options.dir / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        config = options.dir / "redis.conf"
        config.write_text("\n".join(self._lines(self.data)) + "\n")
        self.processes = [Process("redis", [program, config], options.dir / "redis.log")]

    def _lines(self, data):
        options = self.options
        listener, other = ("tls-port", "port") if options.tls else ("port", "tls-port")
        lines = ["bind 127.0.0.1", f"{listener} {options.ports['port']}", f"{other} 0", f"dir {data}", 'save ""',
                 "appendonly yes", f"appendfsync {'always' if options.durable else 'everysec'}", "daemonize no"]
        if options.tls:
            files = options.authority
            lines += [f"tls-cert-file {files.cert}", f"tls-key-file {files.key}", f"tls-ca-cert-file {files.ca}",
                      "tls-auth-clients no"]
        if options.password and options.user:
            lines += [f"user {options.user} on >{options.password} ~* &* +@all", "user default off"]
        elif options.password:
            lines += [f"requirepass {options.password}"]
        return lines + [line.replace("=", " ", 1) for line in options.config]

    def wipe(self):
        empty(self.data)

    def wait(self):
        wait_until(self._answers, "redis", self.processes)

    def _answers(self):
        with connect(self.options.ports["port"], self.options.context) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(100).startswith((b"+PONG", b"-NOAUTH"))

    def settings(self):
        options = self.options
        settings = {"bus.redis.address": f"127.0.0.1:{options.ports['port']}"}
        if options.password:
            settings["bus.redis.password"] = options.password
            if options.user:
                settings["bus.redis.username"] = options.user
        return settings
