"""Servers that come as Java archives: fetched once with Maven into build/servers/<kind>-<version>/lib."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from processes import NotReady

SERVERS = Path(__file__).resolve().parent.parent.parent / "build" / "servers"
FETCH_SECONDS = 600

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>pushwire.servers</groupId><artifactId>{kind}</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>{dependencies}</dependencies></project>
"""
DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


def pom(kind, coordinates):
    """The Maven file that asks for `coordinates`, each "group:artifact:version"."""
    dependencies = "".join(DEPENDENCY.format(*coordinate.split(":")) for coordinate in coordinates)
    return POM.format(kind=kind, dependencies=dependencies)


def java():
    """Path of the Java program."""
    found = shutil.which("java")
    if not found:
        raise NotReady("java is missing: install openjdk-17-jre-headless (tools/install.sh test does)")
    return found


def fetched(kind, version, coordinates):
    """The folder with the server's archives. Two that ask at once wait for one another."""
    java()
    home = SERVERS / f"{kind}-{version}"
    lib = home / "lib"
    if lib.is_dir():
        return lib
    if not shutil.which("mvn"):
        raise NotReady(f"{lib} is not there and mvn, which fetches it, is missing: install maven")
    SERVERS.mkdir(parents=True, exist_ok=True)
    with (SERVERS / f"{kind}-{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not lib.is_dir():
            _fetch(kind, coordinates, home, lib)
    return lib


def _fetch(kind, coordinates, home, lib):
    home.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="fetch-", dir=home))
    try:
        (work / "pom.xml").write_text(pom(kind, coordinates))
        command = ["mvn", "-B", "-ntp", "-q", "dependency:copy-dependencies", "-DincludeScope=runtime",
                   f"-DoutputDirectory={work / 'lib'}"]
        try:
            done = subprocess.run(command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=FETCH_SECONDS, env={**os.environ})
        except subprocess.TimeoutExpired as error:
            raise NotReady(f"mvn did not fetch {kind} in {FETCH_SECONDS} s") from error
        if done.returncode != 0 or not any((work / "lib").glob("*.jar")):
            raise NotReady(f"mvn could not fetch {', '.join(coordinates)}:\n{(done.stdout + done.stderr)[-3000:]}")
        (work / "lib").rename(lib)
    finally:
        shutil.rmtree(work, ignore_errors=True)
