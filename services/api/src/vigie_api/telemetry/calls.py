"""Calls to what the service depends on: the database, the registry, the mail server. Counted, and told."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar

from vigie_api.problem import Problem
from vigie_api.telemetry.metrics import Metrics

Kind = Literal["SQL", "HTTP", "SMTP"]
P = ParamSpec("P")
T = TypeVar("T")


class Listener(Protocol):
    """Hears of each call."""

    def called(self, kind: str, target: str, name: str, seconds: float, *, success: bool) -> None:
        """A call ended."""
        ...


class Calls:
    """Counts calls, and passes them on to Application Insights when that is on. Safe from any thread."""

    def __init__(self, metrics: Metrics, listener: Listener | None = None) -> None:
        self._metrics = metrics
        self._listener = listener

    def made(self, kind: Kind, target: str, name: str, seconds: float, *, success: bool) -> None:
        """A call ended. `target` is a host, `name` what was asked of it, in words of ours: no SQL, no address."""
        self._metrics.called(kind, seconds, success=success)
        if self._listener is not None:
            self._listener.called(kind, target, name, seconds, success=success)

    @contextmanager
    def timed(self, kind: Kind, target: str, name: str) -> Iterator[None]:
        """Times the block; it failed when it raises what is no `Problem` below 500 (an answer that says no is one)."""
        started_s = time.perf_counter()
        try:
            yield
        except BaseException as error:
            self.made(kind, target, name, time.perf_counter() - started_s, success=is_answer(error))
            raise
        self.made(kind, target, name, time.perf_counter() - started_s, success=True)


def is_answer(error: BaseException) -> bool:
    """Whether an error says what was asked, rather than that nobody answered."""
    return isinstance(error, Problem) and error.status < 500


def name_of(work: Callable[..., Any]) -> str:
    """The name of a use case, through any partial around it."""
    while isinstance(work, partial):
        work = work.func
    return getattr(work, "__name__", type(work).__name__)


class Asker(Protocol):
    """Whose methods are calls to one target."""

    calls: Calls | None

    @property
    def place(self) -> str:
        """The target."""
        ...


A = TypeVar("A", bound=Asker)


def a_call(method: Callable[Concatenate[A, P], T]) -> Callable[Concatenate[A, P], T]:
    """A method whose every use is one HTTP call, named after the method."""

    @wraps(method)
    def timed(self: A, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if self.calls is None:
            return method(self, *args, **kwargs)
        with self.calls.timed("HTTP", self.place, method.__name__):
            return method(self, *args, **kwargs)

    return timed
