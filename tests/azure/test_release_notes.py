"""No release without its section in CHANGELOG.md."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

CHANGELOG = """# Changelog

## [Unreleased]

- later

## [0.2.0] - 2026-12-01

### Added

- A thing.

## [0.1.0] - 2026-11-01

- First.

[0.2.0]: https://example.org/0.2.0
"""


@pytest.fixture(scope="module")
def release_notes() -> ModuleType:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    try:
        return import_module("release_notes")
    finally:
        sys.path.pop(0)


@pytest.fixture
def notes(release_notes: ModuleType) -> Callable[..., str]:
    return release_notes.notes


def test_the_notes_are_the_section_of_the_version(notes: Callable[..., str]) -> None:
    assert notes("v0.2.0", "0.2.0", CHANGELOG) == "### Added\n\n- A thing."


def test_links_are_no_notes(notes: Callable[..., str]) -> None:
    assert notes("v0.1.0", "0.1.0", CHANGELOG) == "- First."


@pytest.mark.parametrize(
    ("tag", "version", "changelog", "reason"),
    [
        ("v0.3.0", "0.2.0", CHANGELOG, "not the version"),
        ("v0.3.0", "0.3.0", CHANGELOG, "no section"),
        ("v0.2.0", "0.2.0", "## [0.2.0]\n\n- x\n", "YYYY-MM-DD"),
        ("v0.2.0", "0.2.0", "## [0.2.0] - 2026-12-01\n\n## [0.1.0] - 2026-11-01\n", "empty"),
    ],
)
def test_what_does_not_agree_stops_the_release(
    release_notes: ModuleType, tag: str, version: str, changelog: str, reason: str
) -> None:
    with pytest.raises(release_notes.GateError, match=reason):
        release_notes.notes(tag, version, changelog)
