"""Who wrote a post, as a number that says nothing without the secret."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from vigie_api.settings import Settings
from vigie_api.watch.duplicates import author_key

_SIGN: Final = 1 << 63


def author_hash(settings: Settings) -> Callable[[str], int] | None:
    """How a name becomes a signed 64-bit number; None: nothing of an author is kept, for there is no secret.

    In the embedded mode the secret is made when it is first needed, in a file that only its owner can read.
    Raises OSError when that file can be neither read nor written.
    """
    secret = settings.author_secret
    if secret is not None:
        key = secret.get_secret_value().encode()
    elif not settings.keys:
        key = _kept(settings.home / "api" / "author.secret")
    else:
        return None
    return lambda name: _signed(author_key(name, key))


def _signed(key: int) -> int:
    """The number with the same 64 bits that a BIGINT can hold."""
    return key - 2 * _SIGN if key & _SIGN else key


def _kept(file: Path) -> bytes:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        mine = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(secrets.token_hex(32))
                stream.flush()
                os.fsync(stream.fileno())
            with suppress(FileExistsError):  # whole, or not at all; of two processes that start together, one wins
                os.link(mine, file)
        finally:
            mine.unlink()
    return file.read_bytes().strip()
