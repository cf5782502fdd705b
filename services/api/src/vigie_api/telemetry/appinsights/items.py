"""What may be sent to Application Insights, in our own words: each exporter says it in its library's.

Only `CustomEvent` has a place for the text of a tweet. Times are seconds since the epoch.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_NO_TRACE = "0" * 32

CURRENT_REQUEST: ContextVar[str | None] = ContextVar("vigie_current_request", default=None)
"""The id of the request that is being served, set by the edge when Application Insights is on."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Which request an item belongs to: `trace` has 32 hexadecimal digits, `request` (the parent) 16."""

    trace: str
    request: str


def operation(request_id: str) -> Operation:
    """The ids of a request. A caller's own id, which may be any word, is hashed to the shape that W3C asks for."""
    if not _TRACE_ID.fullmatch(request_id) or request_id == _NO_TRACE:
        request_id = hashlib.sha256(request_id.encode()).hexdigest()[:32]
    return Operation(request_id, request_id[16:] if request_id[16:].strip("0") else request_id[:16])


def current_operation() -> Operation:
    """The ids of the request being served, or new ones for what happens on its own."""
    serving = CURRENT_REQUEST.get()
    return operation(serving or os.urandom(16).hex())


@dataclass(frozen=True, slots=True)
class CustomEvent:
    """A row of customEvents."""

    at_s: float
    operation: Operation
    name: str
    properties: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """A row of requests that stands for `count` of its kind. `name` is method and route template, never a path."""

    at_s: float
    operation: Operation
    method: str
    route: str
    status: int
    seconds: float
    count: int
    request_id: str

    @property
    def name(self) -> str:
        """As Application Insights lists it."""
        return f"{self.method} {self.route}"

    @property
    def success(self) -> bool:
        """Whether the answer was what the client asked for."""
        return 200 <= self.status < 400


@dataclass(frozen=True, slots=True)
class Dependency:
    """A row of dependencies: a call to `target`. `kind` is SQL, HTTP or SMTP; `span` has 16 hexadecimal digits."""

    at_s: float
    operation: Operation
    span: str
    kind: str
    target: str
    name: str
    seconds: float
    success: bool
    count: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of a stack, innermost last."""

    file: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A row of exceptions: the type, its cause's type and the frames. Its message is left out: it may quote a tweet."""

    at_s: float
    operation: Operation
    kind: str
    frames: tuple[Frame, ...]
    properties: Mapping[str, str]

    @property
    def message(self) -> str:
        """Where it broke, in place of what was said."""
        return f"{self.kind} in {self.frames[-1].function}" if self.frames else self.kind


@dataclass(frozen=True, slots=True)
class Measure:
    """A row of customMetrics: one number and what it is of."""

    at_s: float
    name: str
    value: float
    properties: Mapping[str, str]


Item = CustomEvent | Request | Dependency | Failure | Measure
