"""One standalone ZooKeeper from Debian's archives."""

from pathlib import Path

from jars import java
from processes import NotReady, Process, connect, empty, wait_until

ARCHIVE = Path("/usr/share/java/zookeeper.jar")  # its manifest names the archives that it needs
LOGGING = Path("/usr/share/java/slf4j-simple.jar")  # may be missing: then there is no log


class ZooKeeperServer:
    kind = "zookeeper"
    versions = ("debian",)
    ports = {"port": (0,)}

    def __init__(self, options):
        self.options = options
        self.data = options.dir / "data"
        if not ARCHIVE.exists():
            raise NotReady(f"{ARCHIVE} is missing: install the package zookeeper")
        if options.tls or options.password:
            raise NotReady("zookeeper: pushwire has no settings for --tls or --password")
        config = options.dir / "zoo.cfg"
        config.write_text("\n".join([
            "tickTime=1000", f"dataDir={self.data}", "clientPortAddress=127.0.0.1",
            f"clientPort={options.ports['port']}", "admin.enableServer=false", "maxClientCnxns=0",
            "4lw.commands.whitelist=ruok,srvr,mntr,stat", *options.config]) + "\n")
        command = [java(), *options.jit, "-XX:+UseSerialGC", "-Xmx192m", "-Dzookeeper.preAllocSize=1024",
                   "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                   "-cp", f"{ARCHIVE}:{LOGGING}", "org.apache.zookeeper.server.quorum.QuorumPeerMain", config]
        self.processes = [Process("zookeeper", command, options.dir / "zookeeper.log")]

    def wipe(self):
        empty(self.data)

    def wait(self):
        wait_until(self._answers, "zookeeper", self.processes)

    def _answers(self):
        with connect(self.options.ports["port"]) as connection:
            connection.sendall(b"srvr")
            return b"Mode: standalone" in connection.recv(4096)

    def settings(self):
        return {"bus.zookeeper.servers": f"127.0.0.1:{self.options.ports['port']}"}
