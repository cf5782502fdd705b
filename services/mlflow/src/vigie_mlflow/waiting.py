"""Wait for what the server depends on, and say so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class NotReadyError(Exception):
    """Something the server depends on did not answer in time, or refused us."""


def wait_for(
    what: str,
    attempt: Callable[[], Result],
    retry_on: tuple[type[Exception], ...],
    *,
    wait_s: float,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Call `attempt` until it succeeds and return its result.

    Says what is waited for at the first failure, then every ten seconds or when the reason changes.
    Raises NotReadyError, with the last reason, when `wait_s` seconds were not enough.
    """
    start = clock()
    said_at, said = 0.0, ""
    while True:
        try:
            result = attempt()
        except retry_on as error:
            reason = first_line(error)
            waited_s = clock() - start
            if waited_s >= wait_s:
                raise NotReadyError(f"{what} is not ready after {waited_s:.0f} s: {reason}") from error
            if reason != said or waited_s - said_at >= 10:
                say(f"waiting for {what} ({waited_s:.0f} s): {reason}")
                said_at, said = waited_s, reason
            sleep(1.0)
        else:
            if said:
                say(f"{what} is ready after {clock() - start:.0f} s")
            return result


def first_line(error: Exception) -> str:
    """Give the first line of an error's text, or its kind when it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
