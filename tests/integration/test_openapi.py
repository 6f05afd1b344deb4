"""The OpenAPI file is valid, is the one that is served, and tells the truth about the server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from openapi_spec_validator import validate

from support.gateway import ROOT, clean_environment

CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance"]
KEY = "an-api-key-of-the-tests"
SECONDS = 60


def test_served_file_is_the_one_in_the_tree(gateway):
    answer = gateway.api.get("/openapi.yaml")
    assert answer.body == (ROOT / "web/openapi.yaml").read_bytes()
    assert answer.headers["Content-Type"].startswith("application/yaml")


def test_file_is_valid_openapi(gateway):
    validate(yaml.safe_load(gateway.api.get("/openapi.yaml").body))


def test_every_path_of_the_file_exists(gateway):
    for path, operations in yaml.safe_load(gateway.api.get("/openapi.yaml").body)["paths"].items():
        for method in {"get", "post", "put", "delete"} - operations.keys():
            answer = gateway.api.request(method.upper(), path.replace("{id}", "u").replace("{session}", "A" * 22)
                                         .replace("{topic}", "t"))
            assert answer.status == 405, (method, path)
            allowed = {name.strip().lower() for name in answer.headers["Allow"].split(",")}
            assert allowed - {"head"} == operations.keys() & {"get", "post", "put", "delete"}, path


def explore(gateway, *options):
    """Schemathesis on the file that the gateway serves; what it printed, and its exit code."""
    program = Path(sys.executable).with_name("schemathesis")
    environment = clean_environment({"SCHEMATHESIS_HOOKS": "support.schemathesis_hooks",
                                     "PYTHONPATH": str(Path(__file__).parent), "NO_PROXY": "127.0.0.1"})
    return subprocess.run([program, "run", f"http://127.0.0.1:{gateway.api_port}/openapi.yaml",
                           "--checks", ",".join(CHECKS), "--seed", "20260131", "--generation-database", "none",
                           "--suppress-health-check", "all", "--request-timeout", "5", "--no-color", *options],
                          env=environment, cwd=os.environ.get("TMPDIR", "/tmp"), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS)


@pytest.mark.parametrize("keyed", [False, True], ids=["without-keys", "with-a-key"])
def test_random_and_deliberate_requests_find_no_undocumented_answer(serve, keyed):
    examples = 15 if keyed else 30
    if keyed:
        gateway = serve({"api.keys": KEY}, key=KEY)
        options = ["--header", f"Authorization: Bearer {KEY}", "--phases", "examples,fuzzing"]
    else:
        gateway = serve()
        options = ["--phases", "examples,coverage,fuzzing"]
    run = explore(gateway, *options, "--max-examples", str(examples))
    assert run.returncode == 0, run.stdout[-8000:]
    requests = gateway.metrics().sum("pushwire_api_requests_total", route="/v1/push")
    assert requests >= examples, f"only {requests} requests were made:\n{run.stdout[-3000:]}"
