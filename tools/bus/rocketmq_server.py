"""One RocketMQ name server and one broker, or two (--brokers 2), from Maven.

Ready means: the ports answer, the topic is on each broker, and the name server's route knows all of them. A broker's
first registration often comes before it has found the name server, and the next try is 10 s later; a harmless change
of its settings makes it register again at once.
"""

import json

from jars import fetched, java
from processes import NotReady, Process, empty, wait_until
from rocketmq_wire import CREATE_ACL, CREATE_TOPIC, CREATE_USER, OK, ROUTE, UPDATE_BROKER_CONFIG, Remote

QUEUES = 4
AUTH = "org.apache.rocketmq.auth"


class RocketMqServer:
    kind = "rocketmq"
    versions = ("5.3.3", "5.5.0")
    # A broker also takes the port two below (fast port) and the one above (replication, on every interface).
    ports = {"port": (0,), "broker": (-2, 0, 1), "second": (-2, 0, 1)}

    def __init__(self, options):
        self.options = options
        self.user = options.user or "pushwire"
        self.limited = options.no_create and bool(options.password)
        self.super_user = "admin" if self.limited else self.user
        lib = fetched("rocketmq", options.version, [
            f"org.apache.rocketmq:rocketmq-{part}:{options.version}" for part in ("namesrv", "broker")])
        name_server = options.dir / "namesrv.properties"
        name_server.write_text(f"listenPort={options.ports['port']}\nbindAddress=127.0.0.1\n")
        names = ["broker", "second"][:options.brokers]
        common = [java(), "-XX:+UseSerialGC", *options.jit, *self._tls(), f"-Drocketmq.home.dir={options.dir}",
                  f"-Duser.home={options.dir}", "-cp", f"{lib}/*"]

        def process(name, memory, start, config):
            command = [common[0], f"-Xmx{memory}", *common[1:], f"org.apache.rocketmq.{start}", "-c", config]
            return Process(name, command, options.dir / f"{name}.log")

        self.processes = [process("namesrv", "96m", "namesrv.NamesrvStartup", name_server)]
        for name in names:
            config = options.dir / f"{name}.properties"
            config.write_text("\n".join(self._broker_lines(name)) + "\n")
            self.processes.append(process(name, "320m", "broker.BrokerStartup", config))
        secret = (self.super_user, options.password) if options.password else ()
        self.name_server = Remote(options.ports["port"], options.context)
        self.brokers = {name: Remote(options.ports[name], options.context, *secret) for name in names}

    def _tls(self):
        if not self.options.tls:
            return ["-Dtls.server.mode=disabled"]  # no key is made at the start: 2 s less
        files = self.options.authority
        return ["-Dtls.server.mode=enforcing", "-Dtls.test.mode.enable=false", f"-Dtls.server.keyPath={files.key}",
                f"-Dtls.server.certPath={files.cert}", "-Dtls.enable=true", f"-Dtls.client.trustCertPath={files.ca}"]

    def _store(self, name):
        return self.options.dir / f"{name}-store"

    def _broker_lines(self, name):
        options = self.options
        lines = ["brokerClusterName=DefaultCluster", f"brokerName={name}", f"brokerIP1={options.advertise}",
                 "bindAddress=127.0.0.1", f"listenPort={options.ports[name]}",
                 f"namesrvAddr=127.0.0.1:{options.ports['port']}", f"storePathRootDir={self._store(name)}",
                 "mappedFileSizeCommitLog=33554432", "mappedFileSizeConsumeQueue=120000", "messageIndexEnable=false",
                 "timerWheelEnable=false", "maxTransferCountOnMessageInMemory=1024",
                 "maxTransferBytesOnMessageInMemory=1048576", f"defaultTopicQueueNums={QUEUES}"]
        if options.no_create:
            lines += ["autoCreateTopicEnable=false"]
        if options.password:
            user, password = self.super_user, options.password
            authentication, authorization = f"{AUTH}.authentication.provider", f"{AUTH}.authorization.provider"
            lines += [
                "authenticationEnabled=true", "authorizationEnabled=true",
                f"authenticationProvider={authentication}.DefaultAuthenticationProvider",
                f"authenticationMetadataProvider={authentication}.LocalAuthenticationMetadataProvider",
                f"authorizationProvider={authorization}.DefaultAuthorizationProvider",
                f"authorizationMetadataProvider={authorization}.LocalAuthorizationMetadataProvider",
                "initAuthenticationUser=" + json.dumps({"username": user, "password": password}),
                "innerClientAuthenticationCredentials=" + json.dumps({"accessKey": user, "secretKey": password})]
        return lines + options.config

    def wipe(self):
        for name in self.brokers:
            empty(self._store(name))

    def wait(self):
        for broker in self.brokers.values():
            wait_until(lambda one=broker: self._topic_is_there(one), "rocketmq broker", self.processes)
        wait_until(self._route_is_known, "rocketmq route", self.processes, pause=0.1)
        if self.limited:
            for broker in self.brokers.values():
                self._make_user(broker)

    def _make_user(self, broker):
        """One that may use every topic but create none: what the documentation advises."""
        user = {"username": self.user, "password": self.options.password, "userType": "Normal"}
        allowed = {"sourceIps": [], "decision": "ALLOW"}
        rights = {"subject": f"User:{self.user}", "policies": [{"policyType": "CUSTOM", "entries": [
            {"resource": "Topic:*", "actions": ["Pub", "Sub", "Get"], **allowed},
            {"resource": "Group:*", "actions": ["Sub"], **allowed}]}]}
        for code, fields, body in ((CREATE_USER, {"username": self.user}, user),
                                   (CREATE_ACL, {"subject": rights["subject"]}, rights)):
            answer, remark, _ = broker.ask(code, fields, json.dumps(body).encode())
            if answer != OK and "exist" not in remark:
                raise NotReady(f"the broker did not take the user {self.user}: {answer} {remark}")

    def _topic_is_there(self, broker):
        self.name_server.ask(ROUTE, {"topic": self.options.topic})
        code, remark, _ = broker.ask(CREATE_TOPIC, {
            "topic": self.options.topic, "defaultTopic": "TBW102", "readQueueNums": str(QUEUES),
            "writeQueueNums": str(QUEUES), "perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0",
            "order": "false"})
        if code not in (OK, 1, 2):  # 1, 2: still starting
            raise NotReady(f"the broker did not create the topic {self.options.topic}: {code} {remark}")
        return code == OK

    def _route_is_known(self):
        code, _, route = self.name_server.ask(ROUTE, {"topic": self.options.topic, "acceptStandardJsonOnly": "true"})
        known = {broker["brokerName"] for broker in json.loads(route)["brokerDatas"]} if code == OK else set()
        for name, broker in self.brokers.items():
            if name not in known:
                broker.ask(UPDATE_BROKER_CONFIG, {}, b"brokerPermission=6\n")
        return known >= set(self.brokers)

    def settings(self):
        options = self.options
        settings = {"bus.rocketmq.name_servers": f"127.0.0.1:{options.ports['port']}",
                    "bus.rocketmq.topic": options.topic}
        if options.password:
            settings.update({"bus.rocketmq.access_key": self.user, "bus.rocketmq.secret_key": options.password})
        return settings
