"""The charts draw what the API said, need nothing from outside, and keep their specification while numbers change."""

import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from vigie_ui import timeline
from vigie_ui.i18n import LANGUAGES, load_catalogue
from vigie_ui.topic_answers import Bucket, EpisodeMark, Trends

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
CHARTS = (timeline.negatives, timeline.volume, timeline.share)


def at(hour: int) -> datetime:
    return datetime(2026, 11, 2, hour, tzinfo=UTC)


def trends(*negatives: int, closed: datetime | None = None, onset: int = 1) -> Trends:
    buckets = tuple(
        Bucket(at=at(hour), posts=20, negatives=count, share=count / 20, expected=2.0, low=0, high=5)
        for hour, count in enumerate(negatives)
    )
    mark = EpisodeMark(
        id="e", topic="t", onset_at=at(onset), opened_at=at(onset + 1), closed_at=closed, severity="serious"
    )
    return Trends(step_s=3600, since=at(0), until=at(4), buckets=buckets, episodes=(mark,))


def milliseconds(moment: datetime) -> float:
    return moment.timestamp() * 1000


def test_a_bucket_is_a_row_from_its_start_to_its_end():
    rows = timeline.rows(trends(1, 9), NOW)
    assert rows["kind"] == ["bucket", "bucket", "episode"]
    assert rows["at"][1] == milliseconds(at(1))
    assert rows["end"][1] == milliseconds(at(2))
    assert rows["negatives"][:2] == [1, 9]
    assert rows["above"][:2] == [0, 1]


def test_the_bucket_that_has_only_begun_is_no_fall():
    rows = timeline.rows(trends(1, 9, 2), at(2) + timedelta(minutes=10))
    assert rows["whole"][:3] == [1, 1, 0]
    assert rows["tail"][:3] == [0, 1, 1]
    assert timeline.rows(trends(1, 9), NOW)["tail"][:2] == [0, 0]


def test_an_episode_that_goes_on_reaches_to_the_end_of_the_period():
    rows = timeline.rows(trends(1, 9), NOW)
    assert rows["at"][-1] == milliseconds(at(1))
    assert rows["middle"][-1] == milliseconds(at(2))
    assert rows["end"][-1] == milliseconds(at(4))


def test_an_episode_that_began_before_the_period_has_no_opening_in_it():
    long_ago = trends(1, closed=at(3)).model_copy(update={"since": at(3)})
    rows = timeline.rows(long_ago, NOW)
    assert rows["at"][-1] == rows["end"][-1] == milliseconds(at(3))
    assert math.isnan(rows["middle"][-1])


def test_what_is_unknown_is_no_number():
    unknown = Trends(step_s=3600, since=at(0), until=at(1), buckets=(Bucket(at=at(0), posts=0, negatives=0),))
    rows = timeline.rows(unknown, NOW)
    assert all(math.isnan(rows[name][0]) for name in ("share", "expected", "low", "high"))
    assert rows["above"] == [0]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.__name__)
def test_a_chart_stays_the_same_while_its_numbers_change_and_asks_nobody_for_anything(chart, language):
    say = load_catalogue(language)
    spec = chart(trends(1, 9), say)
    assert spec == chart(trends(3, 2, 8, closed=at(3)), say)
    assert "http" not in json.dumps(spec)
    assert "url" not in json.dumps(spec)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.__name__)
def test_a_chart_draws_columns_that_there_are(chart):
    columns = timeline.rows(trends(1), NOW).keys()
    spec = chart(trends(1), load_catalogue("fr"))
    fields = {
        part["field"]
        for layer in spec["layer"]
        for part in layer["encoding"].values()
        if isinstance(part, dict) and "field" in part
    }
    assert fields <= columns


def test_french_numbers_and_months_are_french():
    locale = timeline.share(trends(1), load_catalogue("fr"))["config"]["locale"]
    assert locale["number"]["decimal"] == ","
    assert len(locale["time"]["shortMonths"]) == len(locale["time"]["months"]) == 12
    assert locale["time"]["days"][0] == "dimanche"
