"""The address of the database, as an operator writes it."""

import re

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


def psycopg_url(url: str) -> str:
    """Name the driver that is installed: a plain Postgres address means psycopg 3.

    Raises ValueError without a word of the address: of one with a stray / or @ its reader would quote the password.
    """
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)
    try:
        make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(
            "is no address such as postgresql://user:password@host:5432/name (in a password, write / as %2F, @ as %40)"
        ) from None
    return url
