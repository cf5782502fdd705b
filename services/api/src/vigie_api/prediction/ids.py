"""Prediction ids: UUID version 7 (RFC 9562), so that the primary key grows in time order."""

import os
import time

_DRAWN_AT_ONCE = 256
_BYTES = 10


class IdSource:
    """Makes UUIDs of version 7. Entropy is drawn for 256 ids at a time: a system call each would be dear.

    For one thread (the event loop's).
    """

    def __init__(self) -> None:
        self._pool = ""
        self._at = 0

    def next(self) -> str:
        """A new id, 36 characters."""
        at = self._at
        if at >= len(self._pool):
            self._pool = os.urandom(_DRAWN_AT_ONCE * _BYTES).hex()
            at = 0
        self._at = at + 2 * _BYTES
        rest = self._pool[at : at + 2 * _BYTES]
        stamp = f"{time.time_ns() // 1_000_000:012x}"
        variant = "89ab"[int(rest[3], 16) & 3]
        return f"{stamp[:8]}-{stamp[8:]}-7{rest[:3]}-{variant}{rest[4:7]}-{rest[7:19]}"
