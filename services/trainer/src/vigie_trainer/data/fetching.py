"""Downloading Sentiment140 from Stanford: resumed, verified, unpacked."""

import hashlib
import os
import re
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vigie_trainer.errors import Misuse, Unavailable

if TYPE_CHECKING:
    import httpx

URL = "http://cs.stanford.edu/people/alecmgo/trainingandtestdata.zip"
ARCHIVE = "trainingandtestdata.zip"
MEMBERS = ("training.1600000.processed.noemoticon.csv", "testdata.manual.2009.06.14.csv")
_CHUNK = 256 * 1024


@dataclass(frozen=True)
class Expected:
    """What the file must be: size in bytes, SHA-256 in hexadecimal."""

    size: int
    sha256: str


SENTIMENT140 = Expected(81_363_704, "004a3772c8a7ff9bbfeb875880f47f0679d93fc63e5cf9cff72d54a8a6162e57")

Progress = Callable[[int], None]


class _Broken(Exception):  # noqa: N818 - a connection that ended early; another attempt may go further
    """The download stopped before its end."""


def fetch(
    url: str,
    target: Path,
    expected: Expected,
    *,
    progress: Progress,
    attempts: int = 4,
    pause_s: float = 1.0,
    timeout_s: float = 30.0,
) -> bool:
    """Download a file beside `target` and move it there once it is whole and verified.

    What arrived stays in `<target>.part`; this call, and the next one after an interruption, goes on from there.

    Args:
        progress: called with the number of bytes that are there.
        attempts: connections to try without any of them bringing a byte before giving up.

    Returns:
        False when the verified file was there already.

    Raises:
        Misuse: the address cannot be one. Unavailable: the server does not answer, or sends another file.
    """
    import httpx

    if target.is_file() and matches(target, expected):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    idle, problem = 0, ""
    with httpx.Client(timeout=timeout_s, follow_redirects=True) as client:
        while _size(part) < expected.size:
            before = _size(part)
            try:
                _go_on(client, url, part, expected, progress)
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                raise Misuse(f"--url {url} is not an address to download from: {error}.") from None
            except (httpx.HTTPError, _Broken) as error:
                problem = str(error) or type(error).__name__
                idle = 0 if _size(part) > before else idle + 1
                if idle >= attempts:
                    raise Unavailable(_given_up(url, problem, part, expected)) from None
                time.sleep(pause_s * idle)
    if not matches(part, expected):
        part.unlink()
        raise Unavailable(
            f"what {url} sent is not Sentiment140 (its SHA-256 differs); it was removed. Try again, or another --url."
        )
    part.replace(target)
    return True


def unpack(archive: Path, folder: Path) -> list[Path]:
    """Unpack the two CSV files, each at once or not at all, and return their paths.

    Raises:
        Unavailable: a file is not in the archive, or cannot be written.
    """
    paths = []
    try:
        with zipfile.ZipFile(archive) as packed:
            for member in MEMBERS:
                path, fresh = folder / member, folder / f".{member}.part"
                if not (path.is_file() and path.stat().st_size == packed.getinfo(member).file_size):
                    with packed.open(member) as source, fresh.open("wb") as out:
                        while block := source.read(_CHUNK):
                            out.write(block)
                    fresh.replace(path)
                paths.append(path)
    except (KeyError, zipfile.BadZipFile, OSError) as error:
        raise Unavailable(f"{archive} cannot be unpacked: {error}") from None
    return paths


def matches(path: Path, expected: Expected) -> bool:
    """Whether a file has the expected size and SHA-256."""
    if _size(path) != expected.size:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while block := content.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest() == expected.sha256


def _go_on(client: "httpx.Client", url: str, part: Path, expected: Expected, progress: Progress) -> None:
    """One connection: ask for the bytes that are missing, and append what comes."""
    have = _size(part)
    headers = {"Range": f"bytes={have}-"} if have else {}
    # No compression on the way: a range counts the bytes of the file itself.
    with client.stream("GET", url, headers=headers | {"Accept-Encoding": "identity"}) as answer:
        if answer.status_code == 206:
            start = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
            if start is None or int(start[1]) != have:
                part.unlink()
                raise _Broken("the server resumed at another place")
        elif answer.status_code == 200:
            have = 0  # a server that knows no ranges sends the whole file again
        elif answer.status_code == 416:
            part.unlink()
            raise _Broken("the server has a shorter file")
        else:
            raise _Broken(f"status {answer.status_code}")
        with part.open("ab" if have else "wb") as out:
            # As it arrives: what is in hand when the connection breaks is kept.
            for block in answer.iter_raw():
                have += len(block)
                if have > expected.size:
                    out.close()
                    part.unlink()
                    raise Unavailable(f"what {url} sends is longer than Sentiment140; it was removed.")
                out.write(block)
                progress(have)
            out.flush()
            os.fsync(out.fileno())
    if have < expected.size:
        raise _Broken("the connection ended early")


def _given_up(url: str, problem: str, part: Path, expected: Expected) -> str:
    there = _size(part)
    kept = f" {there / 1e6:.1f} of {expected.size / 1e6:.1f} MB are kept; the same command goes on from there."
    return f"{url} cannot be downloaded ({problem}).{kept if there else ''}"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
