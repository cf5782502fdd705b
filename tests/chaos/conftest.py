"""The scripts as modules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPTS = str(Path(__file__).resolve().parents[2] / "scripts")


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(SCRIPTS)
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        if name.startswith(("chaos", "soak", "bench_", "e2e_", "temporary_postgres")):
            del sys.modules[name]
