#!/usr/bin/env python3
"""The pure parts of tools/bus; what starts servers is tested by everything that uses it."""

import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import jars  # noqa: E402
import kafka_wire  # noqa: E402
import processes  # noqa: E402
import rocketmq_wire  # noqa: E402
import server  # noqa: E402


class RocketMqWire(unittest.TestCase):
    def test_a_signature_is_the_one_that_a_real_broker_accepts(self):
        fields = {"topic": "gw-bus", "queueId": "3", "AccessKey": "rmq"}
        self.assertEqual(rocketmq_wire.signature(fields, b"", "secret123"), "DeLD41rXrDZKNs1TYyKfde353jQ=")

    def test_a_frame_says_how_long_it_and_its_header_are(self):
        bytes_ = rocketmq_wire.frame(17, {"topic": "t"}, b"body", 1)
        length, header = struct.unpack(">II", bytes_[:8])
        self.assertEqual(length, len(bytes_) - 4)
        self.assertEqual(bytes_[8 + header:], b"body")


class KafkaWire(unittest.TestCase):
    def test_a_request_of_metadata_names_its_topic(self):
        bytes_ = kafka_wire.metadata_request("push")
        self.assertEqual(struct.unpack(">i", bytes_[:4])[0], len(bytes_) - 4)
        self.assertTrue(bytes_.endswith(b"\x00\x00\x00\x01\x00\x04push\x01"))

    def test_a_topic_has_leaders_only_if_every_partition_has_one(self):
        def answer(leaders, error=0):
            partitions = b"".join(struct.pack(">hii", 0, i, leader) + struct.pack(">ii", 0, 0)
                                  for i, leader in enumerate(leaders))
            return (struct.pack(">iii", 0, 0, 1) + struct.pack(">ih", 1, 1) + b"h" + struct.pack(">ih", 9, -1)
                    + struct.pack(">h", -1) + struct.pack(">ii", 1, 1) + struct.pack(">hh", error, 1) + b"t\x00"
                    + struct.pack(">i", len(leaders)) + partitions)

        self.assertTrue(kafka_wire.all_have_leaders(answer([1, 1])))
        self.assertFalse(kafka_wire.all_have_leaders(answer([1, -1])))
        self.assertFalse(kafka_wire.all_have_leaders(answer([])))
        self.assertFalse(kafka_wire.all_have_leaders(answer([1], error=5)))


class Jars(unittest.TestCase):
    def test_the_maven_file_names_each_archive_with_its_version(self):
        text = jars.pom("x", ["g:a:1", "h:b:2"])
        self.assertIn("<groupId>g</groupId><artifactId>a</artifactId><version>1</version>", text)
        self.assertIn("<groupId>h</groupId><artifactId>b</artifactId><version>2</version>", text)


class Ports(unittest.TestCase):
    def test_free_ports_are_below_those_of_outgoing_connections(self):
        for _ in range(20):
            self.assertLess(processes.free_port((-2, 0, 1)), 32768)


class Options(unittest.TestCase):
    def test_every_kind_of_the_product_has_a_server(self):
        self.assertEqual(sorted(server.KINDS), ["kafka", "nats", "redis", "rocketmq", "zookeeper"])


if __name__ == "__main__":
    unittest.main()
