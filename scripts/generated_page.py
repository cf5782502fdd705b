"""A page in docs that a script writes: written, or checked against what is committed."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path


def write_or_check(page: Path, text: Callable[[], str], description: str | None) -> int:
    """The command line of such a script: write the page, or with --check return 1 when it is out of date."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 when the page is out of date")
    arguments = parser.parse_args()
    if not arguments.check:
        page.write_text(text(), encoding="utf-8")
        return 0
    if not page.exists() or page.read_text(encoding="utf-8") != text():
        print(f"{page.name} is out of date: run `make format`.", file=sys.stderr)
        return 1
    return 0
