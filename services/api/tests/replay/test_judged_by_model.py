"""Without labels the model says which posts are negative."""

import csv
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from typer.testing import CliRunner

from vigie_api import cli

START, HOUR = 1_424_736_000, 3_600
ONSET = START + 5 * 24 * HOUR + 12 * HOUR


@pytest.fixture
def posts(tmp_path):
    generator = np.random.default_rng(0)
    at = [(when, "worst" if generator.random() < 0.3 else "great") for when in generator.uniform(0, 6 * 86_400, 4_000)]
    at += [(when, "cancelled") for when in generator.uniform(ONSET - START, ONSET - START + 2 * HOUR, 100)]
    path = tmp_path / "posts.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["tweet", "Date"])
        for number, (when, word) in enumerate(sorted(at)):
            letters = "".join(chr(97 + int(digit)) for digit in str(number))
            written = datetime.fromtimestamp(START + when, UTC).isoformat()
            writer.writerow([f"{letters} {word} flight {letters[::-1]} again today", written])
    return path


def replay(path, *options):
    done = CliRunner().invoke(cli.app, ["replay", "--input", str(path), "--json", *options])
    assert done.exit_code == 0, done.stderr
    opened = [json.loads(line)["opened_at"] for line in done.stdout.splitlines()]
    return opened, done.stderr


def test_a_model_from_a_folder_judges(posts, make_artifact, tmp_path):
    opened, told = replay(posts, "--model", str(make_artifact(tmp_path / "model")))
    assert any("2015-03-01T12" <= at < "2015-03-01T14:30" for at in opened)
    assert "of it spent judging" in told


def test_the_champion_that_served_last_judges(posts, source, settings, monkeypatch):
    release = source.champion()
    source.load(release)
    source.remember(release)
    monkeypatch.setenv("VIGIE_HOME", str(settings.home))
    opened, told = replay(posts)
    assert any("2015-03-01T12" <= at < "2015-03-01T14:30" for at in opened)
    assert "judged by version 1 (tiny)" in told


def test_a_setting_that_makes_no_sense_is_exit_2(posts, monkeypatch):
    monkeypatch.setenv("VIGIE_API_PORT", "many")
    refused = CliRunner().invoke(cli.app, ["replay", "--input", str(posts)])
    assert refused.exit_code == 2
    assert "makes no sense" in refused.stderr
