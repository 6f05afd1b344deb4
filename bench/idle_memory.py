#!/usr/bin/env python3
"""Memory of an idle connection and CPU of the simplest paths, of one worker on loopback.

    bench/idle_memory.py [--tls] [connections] [path of pushwire]

Opens that many connections, each of a user of its own (15,000 by default; a process may open about 20,000 files),
and prints the growth of the node's resident memory per connection, CPU per handshake, CPU per delivery of a 200-byte
broadcast, and what is left when four fifths have gone; with --tls the same through TLS 1.3 (certificate: ECDSA P-256,
made by openssl). Needs only Python's standard library. CPU times have a
resolution of 10 ms: read them as estimates.
"""

import json
import os
import re
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

HANDSHAKE = (
    "GET /ws?user=user-{} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def make_certificate(folder):
    """A certificate of its own for 127.0.0.1: its file and its key's."""
    certificate, key = f"{folder}/certificate.pem", f"{folder}/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
                    "-out", certificate], check=True, capture_output=True)
    os.chmod(key, 0o600)
    return certificate, key


class Node:
    def __init__(self, binary, certificate=None):
        settings = ["auth.mode=dev", "node.workers=1", "client.listen=127.0.0.1:0", "api.listen=127.0.0.1:0"]
        self.tls = None
        if certificate:
            settings += [f"client.tls_certificate={certificate[0]}", f"client.tls_key={certificate[1]}"]
            self.tls = ssl.create_default_context(cafile=certificate[0])
        command = [binary, "serve"] + [word for setting in settings for word in ("--set", setting)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(re.search(r":(\d+)/ws", self.process.stdout.readline())[1])
        self.api = re.search(r"http://\S+", self.process.stdout.readline())[0]
        assert self.process.stdout.readline().strip() == "ready"

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup") as file:
            return int(re.search(r"Rss:\s+(\d+)", file.read())[1]) * 1024

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def connect(self, number):
        connection = socket.create_connection(("127.0.0.1", self.port))
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_hostname="127.0.0.1")
        connection.sendall(HANDSHAKE.format(number).encode())
        return connection

    def push_to_all(self, text):
        body = json.dumps({"to": {"all": True}, "text": text}).encode()
        request = urllib.request.Request(self.api + "/v1/push", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request).read()


def measure(node, count):
    first = node.connect("warm-up")
    first.recv(4096)
    first.close()
    time.sleep(0.3)
    empty, cpu = node.resident_bytes(), node.cpu_seconds()
    connections = [node.connect(number) for number in range(count)]
    for connection in connections:
        connection.recv(4096)
    print(f"{count} connections: {(node.resident_bytes() - empty) / count:.0f} bytes each, "
          f"handshake {(node.cpu_seconds() - cpu) / count * 1e6:.1f} us of CPU")
    for _ in range(3):
        cpu = node.cpu_seconds()
        node.push_to_all("x" * 200)
        for connection in connections:
            connection.recv(4096)
        print(f"broadcast: {(node.cpu_seconds() - cpu) / count * 1e6:.1f} us of CPU per delivery")
    print(f"after three broadcasts: {(node.resident_bytes() - empty) / count:.0f} bytes each")
    for connection in connections[: count * 4 // 5]:
        connection.close()
    time.sleep(1)
    print(f"after 80 % have gone: {(node.resident_bytes() - empty) / 1024:.0f} KiB above the empty node")


def main():
    words = [word for word in sys.argv[1:] if word != "--tls"]
    count = int(words[0]) if words else 15000
    binary = words[1] if len(words) > 1 else "build/release/pushwire"
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, max(count + 100, 20000)))
    with tempfile.TemporaryDirectory() as folder:
        node = Node(binary, make_certificate(folder) if "--tls" in sys.argv else None)
        try:
            measure(node, count)
        finally:
            node.process.terminate()
            node.process.wait(timeout=60)


if __name__ == "__main__":
    main()
