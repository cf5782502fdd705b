"""The spool on disk: waiting verdicts and mentions, damaged ones, and what a process left unfinished."""

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from vigie_api.mentions.spool import FOLDER as MENTIONS
from vigie_api.privacy.documents import unescaped
from vigie_api.privacy.wanted import Wanted

_DAMAGED: Final = ".damaged"
_UNFINISHED: Final = ".new"
_CLEANED: Final = ".cleaned"
_ABANDONED_S: Final = 60.0  # a process that lives renames it within milliseconds


class Change(NamedTuple):
    """What is to become of a file: None, it goes."""

    path: Path
    instead: str | None


def find(
    folder: Path, wanted: Wanted | None, subjects: Collection[str], now: datetime, authors: Collection[int] = ()
) -> list[Change]:
    """Files that hold the text, a verdict on one of these predictions, or a mention by one of these authors.

    Of a file that is neither verdict nor mentions, damaged or not finished, all the words are looked at. Raises OSError
    when it cannot be read.
    """
    found = []
    for path in _files(folder):
        with suppress(FileNotFoundError):  # drained meanwhile: the database is looked at after this
            if path.suffix == _CLEANED and not _in_the_making(path, now):
                found.append(Change(path, None))  # whoever wrote it died before it took its place; that is still there
            if path.suffix not in (".json", _DAMAGED, _UNFINISHED) or _in_the_making(path, now):
                continue
            change = _changed(path, wanted, subjects, authors)
            if change is not None:
                found.append(change)
    return found


def _files(folder: Path) -> list[Path]:
    """What is in the spool, verdicts and mentions."""
    mentions = folder / MENTIONS
    return sorted(folder.iterdir()) + (sorted(mentions.iterdir()) if mentions.is_dir() else [])


def apply(changes: Sequence[Change]) -> int:
    """Delete and rewrite files; returns how many were still there."""
    applied = 0
    for path, instead in changes:
        with suppress(FileNotFoundError):
            if instead is None:
                path.unlink()
            elif path.exists():
                clean = path.with_suffix(_CLEANED)
                clean.write_text(instead, encoding="utf-8")
                clean.replace(path)
            applied += 1
    return applied


def damaged_before(folder: Path, cutoff: datetime) -> list[Change]:
    """Damaged and unfinished files that were written before a time. Raises OSError when the folder cannot be read."""
    damaged = (path for path in _files(folder) if path.suffix in (_DAMAGED, _UNFINISHED, _CLEANED))
    return [Change(path, None) for path in damaged if path.stat().st_mtime < cutoff.timestamp()]


def _in_the_making(path: Path, now: datetime) -> bool:
    return path.suffix in (_UNFINISHED, _CLEANED) and path.stat().st_mtime > now.timestamp() - _ABANDONED_S


def _changed(path: Path, wanted: Wanted | None, subjects: Collection[str], authors: Collection[int]) -> Change | None:
    content = path.read_text(encoding="utf-8", errors="replace")
    try:
        entry: Any = json.loads(content)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        quoted = wanted is not None and Wanted(wanted.text, fragment=True).is_quoted(unescaped(content))
        by_them = any(str(author) in content for author in authors)
        return Change(path, None) if quoted or by_them else None
    if isinstance(entry.get("mentions"), list):
        return _without_mentions(path, entry["mentions"], wanted, authors)
    if entry.get("prediction_id") in subjects:
        return Change(path, None)
    text, comment = entry.get("text"), entry.get("comment")
    if wanted is None:
        return None
    if isinstance(text, str) and wanted.is_post(text):
        return Change(path, None)
    if isinstance(comment, str) and wanted.is_quoted(comment):
        return Change(path, json.dumps(entry | {"comment": None}, ensure_ascii=False))
    return None


def _without_mentions(
    path: Path, mentions: list[Any], wanted: Wanted | None, authors: Collection[int]
) -> Change | None:
    def goes(mention: dict[str, Any]) -> bool:
        return mention.get("author_key") in authors or (wanted is not None and wanted.is_post(mention.get("text", "")))

    kept = [mention for mention in mentions if not goes(mention)]
    if len(kept) == len(mentions):
        return None
    return Change(path, json.dumps({"mentions": kept}, ensure_ascii=False) if kept else None)
