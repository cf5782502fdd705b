"""Documents without a text: JSON, CSV, HTML and plain text, also packed with gzip. Pure: bytes in, bytes out."""

import csv
import gzip
import html
import io
import json
import re
from collections.abc import Callable
from typing import Any, Final

from vigie_api.privacy.wanted import MARKER, Wanted

REMOVED: Final = "This file was removed: it held a text that is to be forgotten.\n"
_PACKED: Final = ".gz"
# A string of one word is a label, a name or an id, unless what holds it says that it is a post.
_POST: Final = frozenset({"text", "tweet", "comment", "post", "sentence", "example", "note", "reason"})
_TAG: Final = re.compile(r"(<[^>]*>)")
_OF_A_POST: Final = re.compile(r"""<\w+[^>]*\bclass=["'][^"']*\b(?:text|tweet|post)\b""")
_ATTRIBUTE: Final = re.compile(r""""[^"]*"|'[^']*'""")
_ESCAPE: Final = re.compile(r"""\\(?:u([0-9a-fA-F]{4})|(["'/\\])|[nrtbf])""")
_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class Unreadable(Exception):  # noqa: N818 - reads as what happened
    """Nothing can be said of what is in a file; the message says why."""


def readable(name: str) -> bool:
    """Whether a file of that name can be looked into."""
    return _cleaner(name) is not None


def rewrite(name: str, content: bytes, wanted: Wanted) -> tuple[bytes, int]:
    """The file without the text, and how often it was in there (0: it is `content` itself).

    Rows of a CSV or NDJSON file go; strings of JSON, lines and texts of a page become a marker. A page that holds the
    text elsewhere, in a script say, or in several pieces, goes as a whole. Raises Unreadable.
    """
    clean = _cleaner(name)
    if clean is None:
        raise Unreadable("its kind is not known")
    packed = name.lower().endswith(_PACKED)
    try:
        document = (gzip.decompress(content) if packed else content).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise Unreadable(f"it cannot be read ({type(error).__name__})") from error
    rest, hits = clean(document, wanted)
    if not hits:
        return content, 0
    data = rest.encode("utf-8", "replace")
    return (gzip.compress(data, mtime=0) if packed else data), hits


def without(document: Any, wanted: Wanted, name: str = "") -> tuple[Any, int]:
    """What JSON was read into without the text, and how many strings were replaced; `name` is what holds it."""
    if isinstance(document, str):
        return (MARKER, 1) if _held(name, document, wanted) else (document, 0)
    if isinstance(document, list):
        items = [without(item, wanted, name) for item in document]
        return [item for item, _ in items], sum(hits for _, hits in items)
    if isinstance(document, dict):
        clean, total = {}, 0
        for key, value in document.items():
            new_key, in_key = without(key, wanted)
            clean[new_key], in_value = without(value, wanted, key)
            total += in_key + in_value
        return clean, total
    return document, 0


def _held(name: str, value: str, wanted: Wanted) -> bool:
    if name.lower() not in _POST and len(value.split(maxsplit=1)) < 2:
        return False
    return wanted.is_post(value) or wanted.is_quoted(value)


def _json(document: str, wanted: Wanted) -> tuple[str, int]:
    try:
        clean, hits = without(json.loads(document), wanted)
    except (ValueError, RecursionError):
        return _lines(document, wanted)
    return json.dumps(clean, ensure_ascii=False, indent=1) + "\n", hits


def _ndjson(document: str, wanted: Wanted) -> tuple[str, int]:
    try:
        lines = [line for line in document.split("\n") if line.strip()]
        kept = [line for line in lines if not without(json.loads(line), wanted)[1]]
    except (ValueError, RecursionError):
        return _lines(document, wanted)
    return "".join(f"{line}\n" for line in kept), len(lines) - len(kept)


def _csv(document: str, wanted: Wanted) -> tuple[str, int]:
    try:
        rows = list(csv.reader(io.StringIO(document, newline=""), strict=True))
    except csv.Error:
        return _lines(document, wanted)
    if not rows:
        return document, 0
    names = rows[0]
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(names)
    hits = 0
    for row in rows[1:]:
        if any(_held(names[at] if at < len(names) else "", value, wanted) for at, value in enumerate(row)):
            hits += 1
        else:
            writer.writerow(row)
    return out.getvalue(), hits


def _html(document: str, wanted: Wanted) -> tuple[str, int]:
    hits = 0

    def in_tag(match: re.Match[str]) -> str:
        nonlocal hits
        if not _held("", html.unescape(match[0][1:-1]), wanted):
            return match[0]
        hits += 1
        return f'"{MARKER}"'

    parts = _TAG.split(document)  # text and tags in turn
    for at, part in enumerate(parts):
        if at % 2:
            parts[at] = _ATTRIBUTE.sub(in_tag, part)
        elif part.strip():
            name = "text" if at and _OF_A_POST.match(parts[at - 1]) else ""
            if _held(name, html.unescape(part), wanted):
                parts[at] = MARKER
                hits += 1
    rest = "".join(parts)
    if any(_held("", form, wanted) for form in (_TAG.sub(" ", rest), unescaped(rest))):
        return f"<!doctype html>\n<title>Vigie</title>\n<p>{REMOVED}", max(hits, 1)
    return rest, hits


def _lines(document: str, wanted: Wanted) -> tuple[str, int]:
    lines = document.splitlines(keepends=True)
    clean = [f"{MARKER}\n" if _held("", line, wanted) else line for line in lines]
    hits = sum(old is not new for old, new in zip(lines, clean, strict=True))
    rest = "".join(clean)
    if any(_held("", form, wanted) for form in (rest, unescaped(rest))):
        return REMOVED, max(hits, 1)
    return rest, hits


def unescaped(script: str) -> str:
    """What a script, or damaged JSON, says once the escapes in its strings are read."""

    def meant(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else match[2] or " "

    return _PAIR.sub(
        lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), _ESCAPE.sub(meant, script)
    )


_CLEANERS: Final[dict[str, Callable[[str, Wanted], tuple[str, int]]]] = {
    ".csv": _csv,
    ".json": _json,
    ".ndjson": _ndjson,
    ".jsonl": _ndjson,
    ".html": _html,
    ".htm": _html,
    ".xml": _html,
    ".svg": _html,
    **dict.fromkeys((".txt", ".md", ".yaml", ".yml", ".log", ".tsv", ".js"), _lines),
}


def _cleaner(name: str) -> Callable[[str, Wanted], tuple[str, int]] | None:
    suffix = re.search(r"\.[a-z]+$", name.lower().removesuffix(_PACKED))
    return None if suffix is None else _CLEANERS.get(suffix[0])
