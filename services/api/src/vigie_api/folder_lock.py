"""A lock between processes that share a folder: flock on the folder itself (man 2 flock).

The kernel frees it with the process that holds it, however that ends; there is no file to be left behind. It holds
between containers that mount one volume of one machine.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LOOK_S: Final = 0.05


@contextmanager
def locked(folder: Path, *, shared: bool = False, patience_s: float = 0.0) -> Iterator[bool]:
    """Hold the lock of a folder, or a file; yields whether it is ours: False, another kept it for `patience_s` seconds.

    `shared`: beside others that say so, and beside nobody who does not. Blocks, so anything but no patience is for a
    thread. On a file system that has no locks it is ours at once. Raises OSError when it cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _taken(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, time.monotonic() + patience_s)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, how: int, until_s: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                return False
            time.sleep(_LOOK_S)
        except OSError:
            return True
        else:
            return True
