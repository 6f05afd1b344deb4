"""Push requests, as bytes for RawConnection and as objects for Api."""

import json

from support.raw import request


def push_request(body, headers=(), path="/v1/push", host="127.0.0.1"):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    fixed = [("Host", host), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    replaced = {name.lower() for name, _ in headers}
    return request("POST", path, [*((n, v) for n, v in fixed if n.lower() not in replaced), *headers], body)


def push_to(user, data=1):
    return {"to": {"user": user}, "data": data}
