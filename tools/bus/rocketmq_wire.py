"""As much of RocketMQ's remoting protocol as starting a broker takes: one request at a time, JSON headers.

Frame: length of the rest (32 bits), kind of header (8 bits, 0: JSON) and its length (24 bits), header, body.
"""

import base64
import hashlib
import hmac
import json
import struct

from processes import connect, receive

CREATE_TOPIC = 17
UPDATE_BROKER_CONFIG = 25
ROUTE = 105
CREATE_USER, CREATE_ACL = 3001, 3006
OK = 0
MAX_FRAME = 16 * 1024 * 1024


def signature(fields, body, secret):
    """Of a request, as access control 2.0 wants it: the values ordered by their keys, then the body."""
    content = "".join(str(fields[key]) for key in sorted(fields)).encode() + body
    return base64.b64encode(hmac.new(secret.encode(), content, hashlib.sha1).digest()).decode()


def frame(code, fields, body, opaque):
    """The bytes of a request."""
    header = json.dumps({"code": code, "language": "CPP", "version": 479, "opaque": opaque, "flag": 0,
                         "extFields": fields}).encode()
    return struct.pack(">II", 4 + len(header) + len(body), len(header)) + header + body


class Remote:
    """One request at a time to one server; each on a connection of its own."""

    def __init__(self, port, context=None, user="", password=""):
        self.port, self.context, self.user, self.password = port, context, user, password

    def ask(self, code, fields, body=b""):
        """The answer: its code, its remark, its body."""
        fields = dict(fields)
        if self.password:
            fields["AccessKey"] = self.user
            fields["Signature"] = signature(fields, body, self.password)
        with connect(self.port, self.context) as connection:
            connection.sendall(frame(code, fields, body, opaque=1))
            while True:
                length, = struct.unpack(">I", receive(connection, 4))
                if not 4 <= length <= MAX_FRAME:
                    raise ConnectionError(f"a frame of {length} bytes")
                rest = receive(connection, length)
                size = struct.unpack(">I", rest[:4])[0] & 0xFFFFFF
                header = json.loads(rest[4:4 + size])
                if header["flag"] & 1 and header["opaque"] == 1:
                    return header["code"], header.get("remark") or "", rest[4 + size:]
