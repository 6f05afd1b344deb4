"""The server API as a business system calls it, over the standard library's client."""

import contextlib
import http.client
import json
from dataclasses import dataclass
from urllib.parse import quote

TIMEOUT = 10


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        assert self.headers["Content-Type"].startswith("application/json"), self
        return self.json["error"]


class Api:
    """A new connection for each request; kept() gives one that stays open."""

    def __init__(self, port, key=None, host="127.0.0.1", tls=None):
        self.host, self.port, self.key, self.tls = host, port, key, tls
        self._kept = None

    def _connection(self):
        if self.tls is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT)
        return http.client.HTTPSConnection(self.host, self.port, timeout=TIMEOUT, context=self.tls)

    @contextlib.contextmanager
    def kept(self):
        api = Api(self.port, self.key, self.host, self.tls)
        api._kept = api._connection()
        try:
            yield api
        finally:
            api._kept.close()

    def request(self, method, path, body=None, headers=None):
        """body: bytes or text as they are, anything else as JSON."""
        sent = {}
        if self.key:
            sent["Authorization"] = f"Bearer {self.key}"
        if body is not None:
            sent["Content-Type"] = "application/json"
            if not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            if isinstance(body, str):
                body = body.encode()
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        connection = self._kept or self._connection()
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            if connection is not self._kept:
                connection.close()

    def get(self, path, status=200, **more):
        answer = self.request("GET", path, **more)
        assert answer.status == status, answer
        return answer

    def push(self, to, status=200, **fields):
        """The answer to POST /v1/push as an object. `to` is the target: {"user": "alice"}."""
        answer = self.request("POST", "/v1/push", {"to": to, **fields})
        assert answer.status == status, answer
        return answer.json

    def batch(self, pushes):
        answer = self.request("POST", "/v1/push/batch", {"pushes": pushes})
        assert answer.status == 200, answer
        return answer.json["results"]

    def user(self, user):
        return self.get(f"/v1/users/{quote(user, safe='')}").json

    def kick(self, user, session=None):
        path = f"/v1/users/{quote(user, safe='')}/sessions" + (f"/{session}" if session else "")
        answer = self.request("DELETE", path)
        assert answer.status == 200, answer
        return answer.json["closed"]
