"""Settings of connectors. A kind is a class of options that opens its source; KINDS says where each is."""

from abc import ABC, abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, ValidationError

if TYPE_CHECKING:
    from vigie_api.connectors.source import Source
    from vigie_api.settings import Settings

# By name, because these modules need the settings to be there first.
KINDS: Final[dict[str, str]] = {
    "bluesky": "vigie_api.connectors.bluesky:BlueskyOptions",
    "x": "vigie_api.connectors.x:XOptions",
}
MAX_CONNECTORS: Final = 20
MAX_TOPICS: Final = 50
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class ConnectorOptions(BaseModel, ABC):
    """What every connector has; each kind adds its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    kind: str
    enabled: bool = True

    @property
    @abstractmethod
    def topics(self) -> tuple[str, ...]:
        """The topics that it brings mentions of."""

    def missing(self, settings: "Settings") -> str | None:
        """What else must be set before this one can run, or None."""
        return None

    @abstractmethod
    def open(self, settings: "Settings") -> "Source":
        """The source that reads it. Nothing is connected yet."""


def _of_its_kind(value: object) -> object:
    """Options as the class of their kind, or ValueError with a sentence that names the connector and the fault."""
    if not isinstance(value, dict):
        return value
    kind = value.get("kind")
    if kind not in KINDS:
        raise ValueError(f'kind must be one of {", ".join(sorted(KINDS))}, such as {{"name": "x", "kind": "x", …}}')
    module, _, name = KINDS[str(kind)].partition(":")
    options: type[ConnectorOptions] = getattr(import_module(module), name)
    try:
        return options.model_validate(value)
    except ValidationError as error:
        raise ValueError(_sentence(value.get("name"), error)) from None


def _sentence(name: Any, error: ValidationError) -> str:
    faults = []
    for fault in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        faults.append(f"{place}: {message}" if place else message)
    return f"connector {name!r}: {'; '.join(faults)}"


def web_address(value: str, secure: str, plain: str) -> str:
    """The address without a slash at its end, or ValueError. `plain` is for this machine alone: it hides nothing."""
    parts = urlsplit(value)
    host = parts.hostname or ""
    if parts.scheme not in (secure, plain) or not host or parts.query or parts.fragment or not value.isprintable():
        raise ValueError(f"must be an address such as {secure}://example.org")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or a password")
    if parts.scheme == plain and host not in _LOOPBACK:
        raise ValueError(f"{plain}:// is for this machine only: use {secure}://")
    return value.rstrip("/")


Connector = Annotated[SerializeAsAny[ConnectorOptions], BeforeValidator(_of_its_kind)]
Connectors = Annotated[tuple[Connector, ...], Field(max_length=MAX_CONNECTORS)]
