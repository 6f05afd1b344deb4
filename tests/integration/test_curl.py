"""The API with curl, the client that most people try first."""

import json
import subprocess

import pytest

from support.client import connect
from support.gateway import clean_environment

JSON = ["-H", "Content-Type: application/json"]


def curl(*arguments, stdin=None):
    """stdout of curl; it has 10 s and has to succeed."""
    run = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "10", "--noproxy", "*", *arguments],
                         input=stdin, capture_output=True, text=True, timeout=15, env=clean_environment())
    assert run.returncode == 0, run
    return run.stdout


def status_of(*arguments, stdin=None):
    return int(curl("--output", "/dev/null", "--write-out", "%{http_code}", *arguments, stdin=stdin))


@pytest.fixture(scope="module")
def api(gateway):
    return f"http://127.0.0.1:{gateway.api_port}"


def push_body(user, data=1):
    return json.dumps({"to": {"user": user}, "data": data})


async def test_push_is_one_line(gateway, api, user):
    async with connect(gateway, user) as client:
        answer = json.loads(curl(f"{api}/v1/push", *JSON, "-d", push_body(user, {"hello": "world"})))
        assert answer["accepted"] is True
        assert await client.message() == {"type": "message", "id": answer["id"], "data": {"hello": "world"}}


def test_json_option_of_curl_works(api, user):
    assert json.loads(curl("--json", push_body(user), f"{api}/v1/push"))["accepted"] is True


def test_connection_is_kept_alive(api, user):
    counts = curl("--write-out", "%{num_connects}\n", "--output", "/dev/null", f"{api}/healthz",
                  "--next", "--silent", "--write-out", "%{num_connects}\n", "--output", "/dev/null", *JSON,
                  "-d", push_body(user), f"{api}/v1/push",
                  "--next", "--silent", "--write-out", "%{num_connects}\n", "--output", "/dev/null", f"{api}/v1/stats")
    assert counts.split() == ["1", "0", "0"]


def test_head_has_the_headers_alone(api):
    head = curl("--head", f"{api}/openapi.yaml")
    assert head.startswith("HTTP/1.1 200 ")
    assert f"content-length: {len(curl(f'{api}/openapi.yaml').encode())}\n" in head.lower()


async def test_large_body_with_expect_100_continue_is_accepted_at_once(gateway, api, user):
    async with connect(gateway, user) as client:
        seconds = curl("--output", "/dev/null", "--write-out", "%{http_code} %{time_total}", *JSON,
                       "-H", "Expect: 100-continue", "--expect100-timeout", "8", "--data-binary", "@-",
                       f"{api}/v1/push", stdin=push_body(user, "x" * 900_000)).split()
        assert seconds[0] == "200"
        assert float(seconds[1]) < 4, "curl waited for a 100 that did not come"
        assert len((await client.message())["data"]) == 900_000


async def test_chunked_upload_is_accepted(gateway, api, user):
    async with connect(gateway, user) as client:
        assert status_of("--no-buffer", *JSON, "-H", "Transfer-Encoding: chunked", "--data-binary", "@-",
                         f"{api}/v1/push", stdin=push_body(user, "y" * 100_000)) == 200
        assert len((await client.message())["data"]) == 100_000


def test_gzip_body_is_415(api, user):
    assert status_of(*JSON, "-H", "Content-Encoding: gzip", "-d", push_body(user), f"{api}/v1/push") == 415


def test_form_of_curl_without_a_content_type_is_415(api, user):
    assert status_of("-d", push_body(user), f"{api}/v1/push") == 415


def test_body_over_the_limit_is_413(api, user):
    assert status_of(*JSON, "--data-binary", "@-", f"{api}/v1/push", stdin=push_body(user, "z" * 1_100_000)) == 413


def test_http_1_0_is_answered(api):
    assert status_of("--http1.0", f"{api}/healthz") == 200


def test_ndjson_file_is_answered_line_by_line(api, user):
    lines = f"{push_body(user)}\n{push_body(user)}\n"
    answer = curl("-H", "Content-Type: application/x-ndjson", "--data-binary", "@-", f"{api}/v1/push/batch",
                  stdin=lines)
    assert [json.loads(line)["status"] for line in answer.splitlines()] == [200, 200]


def test_user_with_odd_name_is_found_percent_encoded(api):
    assert json.loads(curl(f"{api}/v1/users/a%2Fb%20%C3%A9"))["user"] == "a/b é"
