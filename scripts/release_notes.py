"""Print the section of CHANGELOG.md that a tag releases; exit 1 when tag, version and CHANGELOG do not agree.

Usage: release_notes.py v0.2.0
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class GateError(Exception):
    """Why there is no release."""


def notes(tag: str, version: str, changelog: str) -> str:
    """The lines under the heading of the version (Keep a Changelog: `## [0.2.0] - 2026-12-01`)."""
    if tag != f"v{version}":
        raise GateError(f"the tag {tag} is not the version of pyproject.toml, v{version}")
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)
    found = [section for section in sections if section.startswith(f"[{version}]")]
    if not found:
        raise GateError(f"CHANGELOG.md has no section [{version}]")
    heading, _, body = found[0].partition("\n")
    if not re.fullmatch(rf"\[{re.escape(version)}\] - \d{{4}}-\d{{2}}-\d{{2}}", heading.strip()):
        raise GateError(f"the heading is {heading.strip()!r}, not '[{version}] - YYYY-MM-DD'")
    # Addresses of the last section's links are no notes.
    text = re.sub(r"^\[[^\]]+\]: \S+$", "", body, flags=re.MULTILINE).strip()
    if not text:
        raise GateError(f"the section [{version}] of CHANGELOG.md is empty")
    return text


def main() -> int:
    """Write the notes to stdout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tag")
    tag: str = parser.parse_args().tag
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    try:
        print(notes(tag, version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))
    except GateError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
