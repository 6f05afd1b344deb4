"""One RocketMQ name server and one broker, from Maven.

Ready means: both ports answer, the topic is there, and the name server's route knows it. The broker's first
registration often comes before it has found the name server, and the next try is 10 s later; a harmless change of its
settings makes it register again at once.
"""

import json

from jars import fetched, java
from processes import NotReady, Process, wait_until
from rocketmq_wire import CREATE_ACL, CREATE_TOPIC, CREATE_USER, OK, ROUTE, UPDATE_BROKER_CONFIG, Remote

QUEUES = 4
AUTH = "org.apache.rocketmq.auth"


class RocketMqServer:
    kind = "rocketmq"
    versions = ("5.3.3", "5.5.0")
    # The broker also takes the port two below (fast port) and the one above (replication, on every interface).
    ports = {"port": (0,), "broker": (-2, 0, 1)}

    def __init__(self, options):
        self.options = options
        self.user = options.user or "pushwire"
        self.limited = options.no_create and bool(options.password)
        self.super_user = "admin" if self.limited else self.user
        lib = fetched("rocketmq", options.version, [
            f"org.apache.rocketmq:rocketmq-{part}:{options.version}" for part in ("namesrv", "broker")])
        name_server, broker = options.dir / "namesrv.properties", options.dir / "broker.properties"
        name_server.write_text(f"listenPort={options.ports['port']}\nbindAddress=127.0.0.1\n")
        broker.write_text("\n".join(self._broker_lines()) + "\n")
        common = [java(), "-XX:+UseSerialGC", *options.jit, *self._tls(), f"-Drocketmq.home.dir={options.dir}",
                  f"-Duser.home={options.dir}", "-cp", f"{lib}/*"]
        package = "org.apache.rocketmq"
        self.processes = [
            Process(name, [common[0], f"-Xmx{memory}", *common[1:], f"{package}.{name}.{start}", "-c", config],
                    options.dir / f"{name}.log")
            for name, memory, start, config in (("namesrv", "96m", "NamesrvStartup", name_server),
                                                ("broker", "320m", "BrokerStartup", broker))]
        secret = (self.super_user, options.password) if options.password else ()
        self.name_server = Remote(options.ports["port"], options.context)
        self.broker = Remote(options.ports["broker"], options.context, *secret)

    def _tls(self):
        if not self.options.tls:
            return ["-Dtls.server.mode=disabled"]  # no key is made at the start: 2 s less
        files = self.options.authority
        return ["-Dtls.server.mode=enforcing", "-Dtls.test.mode.enable=false", f"-Dtls.server.keyPath={files.key}",
                f"-Dtls.server.certPath={files.cert}", "-Dtls.enable=true", f"-Dtls.client.trustCertPath={files.ca}"]

    def _broker_lines(self):
        options = self.options
        lines = ["brokerClusterName=DefaultCluster", "brokerName=broker-a", f"brokerIP1={options.advertise}",
                 "bindAddress=127.0.0.1", f"listenPort={options.ports['broker']}",
                 f"namesrvAddr=127.0.0.1:{options.ports['port']}", f"storePathRootDir={options.dir / 'store'}",
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

    def wait(self):
        wait_until(self._topic_is_there, "rocketmq broker", self.processes)
        wait_until(self._route_is_known, "rocketmq route", self.processes, pause=0.1)
        if self.limited:
            self._make_user()

    def _make_user(self):
        """One that may use every topic but create none: what the documentation advises."""
        user = {"username": self.user, "password": self.options.password, "userType": "Normal"}
        allowed = {"sourceIps": [], "decision": "ALLOW"}
        rights = {"subject": f"User:{self.user}", "policies": [{"policyType": "CUSTOM", "entries": [
            {"resource": "Topic:*", "actions": ["Pub", "Sub", "Get"], **allowed},
            {"resource": "Group:*", "actions": ["Sub"], **allowed}]}]}
        for code, fields, body in ((CREATE_USER, {"username": self.user}, user),
                                   (CREATE_ACL, {"subject": rights["subject"]}, rights)):
            answer, remark = self.broker.ask(code, fields, json.dumps(body).encode())
            if answer != OK and "exist" not in remark:
                raise NotReady(f"the broker did not take the user {self.user}: {answer} {remark}")

    def _topic_is_there(self):
        self.name_server.ask(ROUTE, {"topic": self.options.topic})
        code, remark = self.broker.ask(CREATE_TOPIC, {
            "topic": self.options.topic, "defaultTopic": "TBW102", "readQueueNums": str(QUEUES),
            "writeQueueNums": str(QUEUES), "perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0",
            "order": "false"})
        if code not in (OK, 1, 2):  # 1, 2: still starting
            raise NotReady(f"the broker did not create the topic {self.options.topic}: {code} {remark}")
        return code == OK

    def _route_is_known(self):
        code, _ = self.name_server.ask(ROUTE, {"topic": self.options.topic, "acceptStandardJsonOnly": "true"})
        if code == OK:
            return True
        self.broker.ask(UPDATE_BROKER_CONFIG, {}, b"brokerPermission=6\n")
        return False

    def settings(self):
        options = self.options
        settings = {"bus.rocketmq.name_servers": f"127.0.0.1:{options.ports['port']}",
                    "bus.rocketmq.topic": options.topic}
        if options.password:
            settings.update({"bus.rocketmq.access_key": self.user, "bus.rocketmq.secret_key": options.password})
        return settings
