"""Whoever has no post yet is given lines that work as they are."""

import shlex

import pytest

from vigie_ui.beginning import commands, nothing_watched
from vigie_ui.i18n import LANGUAGES, load_catalogue


def test_the_usual_address_need_not_be_said():
    (ingest, _), (demo, _) = commands("http://127.0.0.1:8000/")
    assert shlex.split(ingest) == ["uv", "run", "vigie-api", "ingest", "posts.csv", "--topic", "Air Paradis"]
    assert demo == "uv run python scripts/demo_week.py"


def test_another_port_is_said():
    (ingest, _), (demo, _) = commands("http://localhost:8001/")
    assert ingest.endswith(" --api-url http://localhost:8001")
    assert demo.endswith(" --api-url http://localhost:8001")


def test_an_address_that_only_containers_know_is_not_told():
    assert "http://api" not in str(commands("http://api:8000/"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_is_markup(language):
    shown = nothing_watched("http://127.0.0.1:8000/?<script>", load_catalogue(language))
    assert "<script>" not in shown
    assert shown.count("<code>") == 6
