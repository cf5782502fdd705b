"""The connection string of an Application Insights resource."""

import re
from typing import NamedTuple

_KEY = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_DEFAULT_ENDPOINT = "https://dc.services.visualstudio.com"


class Connection(NamedTuple):
    """Where to send, and the key that says whose it is. `endpoint` has no slash at its end."""

    key: str
    endpoint: str

    @property
    def text(self) -> str:
        """In the form that both libraries read: theirs stumble over a last semicolon or a key in capitals."""
        return f"InstrumentationKey={self.key};IngestionEndpoint={self.endpoint}"


def parse_connection(text: str) -> Connection:
    """Read InstrumentationKey=…;IngestionEndpoint=…;…

    Raises ValueError, whose message does not quote the string.
    """
    parts = dict(part.strip().partition("=")[::2] for part in text.split(";") if part.strip())
    values = {name.strip().lower(): value.strip() for name, value in parts.items()}
    key = values.get("instrumentationkey", "").lower()
    if not _KEY.fullmatch(key):
        raise ValueError("the connection string has no InstrumentationKey=… with a UUID")
    endpoint = values.get("ingestionendpoint", "").rstrip("/")
    suffix = values.get("endpointsuffix")
    if not endpoint and suffix:
        location = values.get("location")
        endpoint = f"https://{f'{location}.' if location else ''}dc.{suffix}"
    endpoint = endpoint or _DEFAULT_ENDPOINT
    if not re.match(r"https?://[^/\s]", endpoint):
        raise ValueError("the IngestionEndpoint of the connection string is no http address")
    return Connection(key, endpoint)
