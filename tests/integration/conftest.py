"""Fixtures of all integration tests. `async def` tests run in a loop of their own, with a deadline."""

import asyncio
import inspect
import re
import signal

import pytest

from support.gateway import DEV, Gateway

TEST_SECONDS = 60
SANITIZER_REPORT = re.compile(r"(ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer)[^\n]*")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**wanted), TEST_SECONDS))
    return True


@pytest.fixture(autouse=True)
def deadline():
    """No test hangs, whatever it waits for."""

    def stop(_signal, _frame):
        raise AssertionError(f"the test took more than {TEST_SECONDS + 10} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(TEST_SECONDS + 10)
    yield
    signal.alarm(0)


def _starter(folder):
    """A function that starts gateways, and a function that stops them all and says what was wrong."""
    started = []

    def start(settings=None, **options):
        gateway = Gateway(settings, folder=folder, **options)
        started.append(gateway)
        return gateway

    def stop_all():
        wrong = []
        for gateway in started:
            ended_by_test = gateway.finished
            try:
                code = gateway.stop()
            except AssertionError as error:
                wrong.append(str(error))
                continue
            if not ended_by_test and code != 0:
                wrong.append(f"exit code {code} after SIGTERM\n{gateway.stderr()[-4000:]}")
            report = SANITIZER_REPORT.search(gateway.stderr())
            if report:
                wrong.append(gateway.stderr()[report.start():][:8000])
        assert not wrong, "\n".join(wrong)

    return start, stop_all


@pytest.fixture
def serve(tmp_path):
    """serve({"client.max_connections": 1}) starts a gateway (dev auth unless auth.mode is given) for this test."""
    start, stop_all = _starter(tmp_path)

    def serve_dev(settings=None, **options):
        if options.get("config") is None:
            settings = {**DEV, **(settings or {})}
        return start(settings, **options)

    yield serve_dev
    stop_all()


@pytest.fixture(scope="module")
def serve_module(tmp_path_factory):
    """As serve, for gateways that the tests of a file share. Nothing is assumed about auth."""
    start, stop_all = _starter(tmp_path_factory.mktemp("gateways"))
    yield start
    stop_all()


@pytest.fixture(scope="module")
def gateway(serve_module):
    """A gateway with dev auth, no keys and default limits that the tests of a file share."""
    return serve_module({**DEV, "node.name": "n1"})


@pytest.fixture
def user(request):
    """A user id that no other test has."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", request.node.name)[:100]
