"""Times as RFC 3339 writes them, in what the API takes."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

_WRITTEN_OUT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")


def _written_out(value: object) -> object:
    """A bare number (1e-9 too), which pydantic would take for seconds since 1970, is no RFC 3339 time."""
    if not isinstance(value, datetime) and not (isinstance(value, str) and _WRITTEN_OUT.match(value)):
        raise ValueError("must be a time such as 2026-11-22T08:30:00Z")
    return value


def _in_utc(value: datetime) -> datetime:
    """The same instant in UTC, as the database is asked; that of a zone may lie before the year 1 or after 9999."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time between the years 1 and 9999 in UTC") from None


ZonedTime = Annotated[AwareDatetime, BeforeValidator(_written_out)]
Instant = Annotated[ZonedTime, AfterValidator(_in_utc)]
