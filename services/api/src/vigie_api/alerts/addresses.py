"""Settings that end up in the headers and times of an e-mail, checked before anything starts."""

import re
from email.utils import parseaddr
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def bare(address: str) -> str:
    """The address without the name in front of it."""
    return parseaddr(address)[1]


def _mail_address(value: str) -> str:
    """An address as a header may carry it, or ValueError: whatever ends a line would begin another header."""
    if not value.isprintable() or not _ADDRESS.fullmatch(bare(value)):
        raise ValueError("is no e-mail address such as vigie@example.org")
    return value


def _split(value: object) -> object:
    """The parts between commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ValueError("is no time zone such as Europe/Paris") from error
    return value


MailAddress = Annotated[str, AfterValidator(_mail_address)]
MailAddresses = Annotated[tuple[MailAddress, ...], NoDecode, BeforeValidator(_split)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
