"""Mentions are forgotten wherever they have come to, by their text and by who wrote them."""

import json
import os

import pytest
from sqlalchemy import insert

from vigie_api.episodes.table import episodes
from vigie_api.mentions.spool import MentionSpool
from vigie_api.mentions.table import Stage
from vigie_api.privacy.forget import forget_author, forget_text
from vigie_api.privacy.spool_files import damaged_before
from vigie_api.privacy.wanted import Wanted

from .conftest import NOW

TEXT = "Ann says that her bag is in Rome, and she in Paris"
OTHER = "Merci, vol parfait"


def _places(report):
    assert report.failures == []
    return {place: count for place, count in report.places.items() if count}


def by_author(kept, name="@Ann", *, dry_run=False):
    return _places(forget_author(kept.settings, name, dry_run=dry_run, sleep=lambda _seconds: None))


def by_text(kept, *, dry_run=False):
    report = forget_text(kept.settings, Wanted(TEXT), dry_run=dry_run, sleep=lambda _seconds: None)
    report.failures = [failure for failure in report.failures if "MLflow" not in failure]
    return _places(report)


def test_a_text_is_forgotten_before_and_after_it_was_judged(kept):
    kept.mention(TEXT, stage=Stage.ACCEPTED)
    kept.mention(TEXT, stage=Stage.SET_ASIDE)
    kept.judge(kept.mention(TEXT, stage=Stage.COUNTED), comment="quite")
    left = kept.mention(OTHER)
    expected = {"database: mentions": 3, "database: predictions": 1, "database: feedback": 1}
    assert by_text(kept, dry_run=True) == expected
    assert by_text(kept) == expected
    assert kept.column("mentions.id") == kept.column("predictions.id") == [left]
    assert "Rome" not in kept.everything()


def test_an_author_is_found_by_the_hash_whatever_became_of_the_posts(kept):
    kept.mention("one", author="@ann")
    kept.mention("two", author="@ANN", stage=Stage.ACCEPTED)
    kept.judge(kept.mention("three", author="@ann", stage=Stage.COUNTED))
    left = kept.mention("four", author="@bob")
    expected = {"database: mentions": 3, "database: predictions": 2, "database: feedback": 1}
    assert by_author(kept, dry_run=True) == expected
    assert by_author(kept) == expected
    assert kept.column("mentions.id") == kept.column("predictions.id") == [left]
    assert by_author(kept) == {}


def test_the_name_of_an_author_is_nowhere(kept):
    kept.mention(OTHER, author="@ann")
    assert "ann" not in kept.everything()


def _spooled(kept):
    spool = MentionSpool(kept.settings.spool_dir)
    spool.append([kept.mention_row(TEXT, author="@ann"), kept.mention_row(OTHER, author="@bob")])
    spool.append([kept.mention_row(TEXT, author="@ann")])
    spool.append([kept.mention_row(OTHER, author="@bob")])
    return spool


@pytest.mark.parametrize("forget", [by_text, by_author])
def test_mentions_that_wait_on_disk_are_forgotten_one_by_one(kept, forget):
    spool = _spooled(kept)
    assert forget(kept, dry_run=True) == {"spool": 2}
    assert [len(rows) for _, rows in spool.waiting()] == [2, 1, 1]
    assert forget(kept) == {"spool": 2}
    assert [[row.text for row in rows] for _, rows in spool.waiting()] == [[OTHER], [OTHER]]


@pytest.mark.parametrize("forget", [by_text, by_author])
def test_a_damaged_file_of_mentions_is_looked_at_too_and_grows_old(kept, forget):
    spool = _spooled(kept)
    for path in spool.paths():
        path.with_suffix(".damaged").write_text(path.read_text()[:-4])
        path.unlink()
    assert forget(kept) == {"spool": 2}
    (left,) = (kept.settings.spool_dir / "mentions").iterdir()
    assert TEXT not in left.read_text()
    assert [change.path for change in damaged_before(kept.settings.spool_dir, NOW.replace(year=2999))] == [left]


@pytest.mark.parametrize("forget", [by_text, by_author])
def test_what_a_forgetting_that_died_left_behind_goes(kept, forget):
    spool = _spooled(kept)
    for path in spool.paths():
        leftover = path.with_suffix(".cleaned")
        leftover.write_text(path.read_text())
        os.utime(leftover, (NOW.timestamp() - 3_600,) * 2)
    assert forget(kept) == {"spool": 5}
    assert not list((kept.settings.spool_dir / "mentions").glob("*.cleaned"))
    assert [[row.text for row in rows] for _, rows in spool.waiting()] == [[OTHER], [OTHER]]


def test_what_people_wrote_on_an_episode_and_its_terms_lose_the_text(kept):
    row = {
        "id": "e1", "topic": "Air Paradis", "state": "closed", "severity": "watch", "onset_at": NOW, "opened_at": NOW,
        "closed_at": NOW, "updated_at": NOW, "negatives": 1, "posts": 1, "expected": 1.0, "peak_ratio": 1.0,
        "terms": [{"term": TEXT, "count": 3, "lift": 2.0}], "post_ids": {}, "false_alarm": False,
        "note": f"see: {TEXT}",
    }  # fmt: skip
    with kept.engine.begin() as connection:
        connection.execute(insert(episodes).values(row))
    assert by_text(kept) == {"database: episodes.note": 1, "database: episodes.terms": 1}
    assert "Rome" not in json.dumps([kept.column("episodes.note"), kept.column("episodes.terms")])
    assert kept.rows("episodes") == 1
