"""As much of Kafka's protocol as starting a broker takes: asking for metadata, and creating a topic.

Request: length, key (16 bits), version (16 bits), correlation (32 bits), client, then the fields (Kafka protocol guide,
"Metadata" version 4, "CreateTopics" version 2, "CreateAcls" version 1). Everything is big-endian.
"""

import struct

from processes import connect, receive

METADATA, CREATE_TOPICS, CREATE_ACLS = 3, 19, 30
TOPIC, LITERAL, READ, WRITE, DESCRIBE, ALLOW = 2, 3, 3, 4, 8, 3
MAX_ANSWER = 1024 * 1024
TOPIC_EXISTS = 36


def _text(value):
    return struct.pack(">h", len(value)) + value.encode()


def _request(key, version, fields):
    body = struct.pack(">hhi", key, version, 0) + _text("server.py") + fields
    return struct.pack(">i", len(body)) + body


def metadata_request(topic):
    return _request(METADATA, 4, struct.pack(">i", 1) + _text(topic) + b"\x01")


def create_request(topic, partitions):
    one = _text(topic) + struct.pack(">ihii", partitions, 1, 0, 0)
    return _request(CREATE_TOPICS, 2, struct.pack(">i", 1) + one + struct.pack(">i", 5000) + b"\x00")


def allow_request(principal):
    """Lets `principal` use every topic that is there, but create none."""
    rights = [struct.pack(">b", TOPIC) + _text("*") + struct.pack(">b", LITERAL) + _text(principal) + _text("*")
              + struct.pack(">bb", operation, ALLOW) for operation in (READ, WRITE, DESCRIBE)]
    return _request(CREATE_ACLS, 1, struct.pack(">i", len(rights)) + b"".join(rights))


def ask(port, request):
    """The answer without its length."""
    with connect(port) as connection:
        connection.sendall(request)
        length, = struct.unpack(">i", receive(connection, 4))
        if not 4 <= length <= MAX_ANSWER:
            raise ConnectionError(f"an answer of {length} bytes")
        return receive(connection, length)


class Reader:
    """Takes fields off an answer, one after the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def text(self):
        length = max(self.take("h"), 0)
        self.at += length
        return self.data[self.at - length:self.at].decode()


def all_have_leaders(answer):
    """True if the answer's only topic is there and each of its partitions has a leader."""
    reader = Reader(answer)
    reader.take("ii")  # correlation, throttle
    for _ in range(reader.take("i")):
        reader.take("i")
        reader.text()  # host
        reader.take("i")
        reader.text()  # rack
    reader.text()  # cluster
    reader.take("i")  # controller
    if reader.take("i") != 1 or reader.take("h") != 0:
        return False
    reader.text()
    reader.take("b")
    partitions = reader.take("i")
    leaders = []
    for _ in range(partitions):
        error, _, leader = reader.take("hii")
        leaders.append(error == 0 and leader >= 0)
        for _ in range(2):  # replicas, and those in sync
            for _ in range(reader.take("i")):
                reader.take("i")
    return bool(leaders) and all(leaders)


def created(answer):
    """True if the topic is there now."""
    reader = Reader(answer)
    reader.take("iii")  # correlation, throttle, topics
    reader.text()
    return reader.take("h") in (0, TOPIC_EXISTS)


def accepted(answer):
    """True if every right was granted."""
    reader = Reader(answer)
    reader.take("ii")  # correlation, throttle
    errors = []
    for _ in range(reader.take("i")):
        errors.append(reader.take("h"))
        reader.text()
    return bool(errors) and not any(errors)
