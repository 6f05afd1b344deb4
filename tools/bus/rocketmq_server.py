"""One RocketMQ name server and one broker."""


class RocketMqServer:
    kind = "rocketmq"
    versions = ("5.3.3", "5.5.0")
    ports = {"port": (0,), "broker": (-2, 0, 1)}
