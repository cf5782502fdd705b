"""As much of Bicep as the tests need: parameters, outputs and module calls, read from the text.

A compiler is not to be had from PyPI or npm; `checkov` parses the files whole (azure/.checkov.yaml).
"""

import re
from pathlib import Path
from typing import NamedTuple

AZURE = Path(__file__).resolve().parents[2] / "azure"


class Call(NamedTuple):
    """A module that is used: its file, and the parameters that it is given."""

    file: Path
    given: set[str]


def text(file: Path) -> str:
    """Without comments."""
    return re.sub(r"(^|\s)//.*$", r"\1", file.read_text(encoding="utf-8"), flags=re.MULTILINE)


def parameters(file: Path) -> dict[str, bool]:
    """Name -> whether it must be given."""
    found = re.findall(r"^param (\w+) \w+( =)?", text(file), re.MULTILINE)
    return {name: not default for name, default in found}


def outputs(file: Path) -> set[str]:
    """Their names."""
    return set(re.findall(r"^output (\w+) ", text(file), re.MULTILINE))


def block(source: str, opening: str) -> str:
    """What stands between the brace at the end of `opening` and its partner."""
    start = source.index(opening) + len(opening)
    depth = 1
    for at in range(start, len(source)):
        depth += {"{": 1, "}": -1}.get(source[at], 0)
        if not depth:
            return source[start:at]
    raise ValueError(f"{opening} is not closed")


def keys(body: str) -> set[str]:
    """The names at the outermost level of an object."""
    depth, found = 0, set()
    for line in body.splitlines():
        named = re.match(r"\s*'?([\w.-]+)'?:", line)
        if named and depth == 0:
            found.add(named[1])
        depth += line.count("{") + line.count("[") - line.count("}") - line.count("]")
    return found


def calls(file: Path) -> dict[str, Call]:
    """The modules that a file uses, by their symbolic names."""
    source = text(file)
    found = {}
    for opening, name, path in re.findall(r"^(module (\w+) '([^']+)' = (?:if \(.+\) )?\{)$", source, re.MULTILINE):
        body = block(source, opening)
        found[name] = Call((file.parent / path).resolve(), keys(block(body, "params: {")))
    return found
