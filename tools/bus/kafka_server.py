"""One Kafka broker that is its own controller (KRaft), from Maven.

Clients have a listener of their own, so that asking whether the server is ready needs no password and no TLS.
"""

import subprocess

from jars import fetched, java
from kafka_wire import accepted, all_have_leaders, allow_request, ask, create_request, created, metadata_request
from processes import NotReady, Process, empty, wait_until

PARTITIONS = 4
CLUSTER = "4L6g3nShT-eMCtK--X86sw"
LOGGING = """log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n
"""


class KafkaServer:
    kind = "kafka"
    versions = ("3.9.1",)
    ports = {"port": (0,), "admin": (0,), "controller": (0,)}

    def __init__(self, options):
        self.options = options
        self.user = options.user or "pushwire"
        self.limited = options.no_create and bool(options.password)
        lib = fetched("kafka", options.version,
                      [f"org.apache.kafka:kafka_2.13:{options.version}", "org.slf4j:slf4j-reload4j:1.7.36"])
        self.config = options.dir / "server.properties"
        self.data = options.dir / "kraft"
        self.config.write_text("\n".join(self._lines()) + "\n")
        logging = options.dir / "log4j.properties"
        logging.write_text(LOGGING)
        self.java = [java(), "-XX:+UseSerialGC", *options.jit, f"-Dlog4j.configuration=file:{logging}",
                     "-cp", f"{lib}/*"]
        if not (self.data / "meta.properties").exists():
            self._format()
        command = [self.java[0], "-Xms128m", "-Xmx512m", *self.java[1:], "kafka.Kafka", self.config]
        self.processes = [Process("kafka", command, options.dir / "kafka.log")]

    def _format(self):
        command = [*map(str, self.java), "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(self.config)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise NotReady(f"kafka could not format its folder:\n{done.stdout}{done.stderr}")

    def _lines(self):
        options, ports = self.options, self.options.ports
        protocol = {(False, False): "PLAINTEXT", (False, True): "SSL", (True, False): "SASL_PLAINTEXT",
                    (True, True): "SASL_SSL"}[bool(options.password), options.tls]
        lines = [
            "process.roles=broker,controller", "node.id=1",
            f"controller.quorum.voters=1@127.0.0.1:{ports['controller']}",
            f"listeners=CLIENTS://127.0.0.1:{ports['port']},ADMIN://127.0.0.1:{ports['admin']},"
            f"CONTROLLER://127.0.0.1:{ports['controller']}",
            f"advertised.listeners=CLIENTS://{options.advertise}:{ports['port']},ADMIN://127.0.0.1:{ports['admin']}",
            "controller.listener.names=CONTROLLER", "inter.broker.listener.name=ADMIN",
            f"listener.security.protocol.map=CLIENTS:{protocol},ADMIN:PLAINTEXT,CONTROLLER:PLAINTEXT",
            f"log.dirs={self.data}", f"num.partitions={PARTITIONS}",
            "offsets.topic.replication.factor=1", "offsets.topic.num.partitions=1",
            "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
            "group.initial.rebalance.delay.ms=0", "log.segment.bytes=16777216", "log.index.size.max.bytes=1048576",
            "log.cleaner.dedupe.buffer.size=2097152", "num.network.threads=2", "num.io.threads=2",
            f"auto.create.topics.enable={'false' if options.no_create else 'true'}"]
        if options.tls:
            both = options.dir / "kafka.pem"
            both.write_text(options.authority.key.read_text() + options.authority.cert.read_text())
            lines += ["ssl.keystore.type=PEM", f"ssl.keystore.location={both}"]
        if options.password:
            lines += ["sasl.enabled.mechanisms=PLAIN", "listener.name.clients.plain.sasl.jaas.config="
                      "org.apache.kafka.common.security.plain.PlainLoginModule required "
                      f'user_{self.user}="{options.password}";']
        if self.limited:
            lines += ["authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                      "super.users=User:ANONYMOUS"]  # of the two listeners that clients do not know
        return lines + options.config

    def wipe(self):
        empty(self.data)
        self._format()

    def wait(self):
        topic, port = self.options.topic, self.options.ports["admin"]
        wait_until(lambda: created(ask(port, create_request(topic, PARTITIONS))), "kafka", self.processes, pause=0.05)
        wait_until(lambda: all_have_leaders(ask(port, metadata_request(topic))), "kafka's topic", self.processes)
        if self.limited and not accepted(ask(port, allow_request(f"User:{self.user}"))):
            raise NotReady(f"kafka did not take the rights of {self.user}")

    def settings(self):
        options = self.options
        settings = {"bus.kafka.brokers": f"{options.advertise}:{options.ports['port']}",
                    "bus.kafka.topic": options.topic}
        if options.password:
            settings.update({"bus.kafka.username": self.user, "bus.kafka.password": options.password})
        return settings
