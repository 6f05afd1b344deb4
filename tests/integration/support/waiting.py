"""Waiting for conditions with a deadline. No test sleeps for a guessed time."""

import asyncio
import time

POLL_SECONDS = 0.02


def eventually(probe, what, timeout=5.0):
    """The first truthy value of probe(); fails with the last value when the deadline passes."""
    deadline = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what} (last: {value!r})")
        time.sleep(POLL_SECONDS)


async def eventually_async(probe, what, timeout=5.0):
    """As eventually, while the event loop goes on."""
    deadline = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what} (last: {value!r})")
        await asyncio.sleep(POLL_SECONDS)
