"""One Kafka broker that is its own controller (KRaft)."""


class KafkaServer:
    kind = "kafka"
    versions = ("3.9.1",)
    ports = {"port": (0,), "admin": (0,), "controller": (0,)}
