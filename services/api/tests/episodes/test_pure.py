"""The pure parts: a topic's state, the band, the choice of posts, the picture, and what false alarms do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom

from vigie_api.episodes.band import band
from vigie_api.episodes.choosing import first_posts, telling_posts
from vigie_api.episodes.report import who_and_when
from vigie_api.episodes.report_words import WORDS
from vigie_api.episodes.schema import TrendBucket
from vigie_api.episodes.sensitivity import sensitivity_after
from vigie_api.episodes.timeline import draw
from vigie_api.episodes.words import Post
from vigie_api.watch.counts import PER_HOUR
from vigie_api.watch.detector import TopicDetector
from vigie_api.watch.episodes import Step
from vigie_api.watch.reading import Sensitivity
from vigie_api.watch.rules import Fixed
from vigie_api.watch.terms import Rising
from vigie_api.watch.topic import Fate, Topic

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_topic_kept_and_read_back_decides_the_same():
    chance = np.random.default_rng(3)
    one, other = Topic(), Topic()
    seen = []
    for bucket in range(12 * 60):
        for _ in range(chance.poisson(3 if bucket < 600 else 9)):
            negative = bool(chance.random() < (0.3 if bucket < 600 else 0.9))
            one.take(bucket, negative=negative, marks=())
            other.take(bucket, negative=negative, marks=())
        marks = other.seen
        other = Topic.from_state(other.state())
        other.seen = marks
        steps = [(read.reading.bucket, read.step) for read in one.close(bucket + 1)]
        assert steps == [(read.reading.bucket, read.step) for read in other.close(bucket + 1)]
        seen += [step for _, step in steps if step is not None]
    assert seen
    assert not one.is_learning


def test_copies_count_once_and_what_is_too_late_is_said():
    topic = Topic()
    assert topic.take(100, negative=True, marks=(1, 2)) is Fate.COUNTED
    assert topic.take(101, negative=True, marks=(2, 3)) is Fate.COPY
    assert list(topic.close(2_000))
    assert list(topic.close(2_000)) == []
    assert topic.take(100, negative=True, marks=()) is Fate.TOO_LATE


def test_another_tools_rule_cannot_be_kept():
    with pytest.raises(TypeError):
        Topic(Fixed()).state()


@given(st.floats(0.01, 500.0), st.floats(0.01, 1.5))
def test_nine_of_ten_usual_counts_lie_in_the_band(mean, spread):
    ((low, high),) = band([mean], [spread])
    size = 1.0 / spread
    usual = nbinom(size, size / (size + mean))
    assert (low, high) == pytest.approx((usual.ppf(0.05), usual.ppf(0.95)), abs=1)
    assert low <= high


def test_posts_are_chosen_for_what_rose_and_no_two_alike():
    terms = [Rising("bagages", 9, 30.0), Rising("lisbonne", 7, 20.0)]
    texts = [
        "bagages perdus à lisbonne depuis trois jours sans nouvelles de personne ici",
        "RT @a bagages perdus à lisbonne depuis trois jours sans nouvelles de personne ici",
        "vol en retard, rien à manger, équipage désagréable et siège cassé",
        "à lisbonne toujours aucune trace des bagages, le comptoir est fermé",
        "des bagages éventrés sur le tapis",
    ]
    posts = [Post(str(number), NOON + timedelta(minutes=number), text) for number, text in enumerate(texts)]
    chosen = telling_posts(posts[::-1], terms)
    assert len({"0", "1"} & set(chosen)) == 1
    assert {*chosen[:2]} == {"3", *({"0", "1"} & set(chosen))}
    assert chosen[-1] == "2"
    assert first_posts(posts[::-1]) == ["0", "1", "2", "3", "4"]
    assert telling_posts([], terms) == []


def test_false_alarms_raise_what_it_takes_by_15_percent_each_up_to_four():
    usual = Sensitivity()
    assert sensitivity_after(0) == usual
    assert sensitivity_after(1).threshold == pytest.approx(1.15 * usual.threshold)
    assert sensitivity_after(9) == sensitivity_after(4)
    assert sensitivity_after(4).beside_others < 2 * usual.beside_others


def test_a_topic_with_four_false_alarms_raises_fewer_on_calm_days():
    hour = np.arange(21 * 24 * PER_HOUR) / PER_HOUR % 24
    usual = 10 / PER_HOUR * (1 - 0.7 * np.cos(hour / 24 * 2 * np.pi))
    opened = {}
    for false_alarms in (0, 4):
        opened[false_alarms] = 0
        for seed in (0, 3):
            chance = np.random.default_rng(seed)
            bad, other = chance.poisson(0.4 * usual), chance.poisson(0.6 * usual)
            topic = Topic(TopicDetector(sensitivity_after(false_alarms)))
            for bucket, counts in enumerate(zip(bad.tolist(), other.tolist(), strict=True), 5_000 * 24 * PER_HOUR):
                for negative, posts in zip((True, False), counts, strict=True):
                    topic.rule.add(bucket, negative=negative, posts=posts)
                opened[false_alarms] += sum(one.step is Step.OPENED for one in topic.close(bucket + 1))
    assert opened[4] < opened[0] <= 6  # in six topic-weeks, the first ones included


def buckets(counts, **more):
    usual = {"expected": 2.0, "low": 0.0, "high": 5.0} | more
    return [
        TrendBucket(at=NOON + timedelta(minutes=5 * number), posts=count, negatives=count, share=1.0, **usual)
        for number, count in enumerate(counts)
    ]


@pytest.mark.parametrize("hours", [1, 20, 70, 1_000])
def test_the_picture_holds_every_bar_tick_and_mark(hours):
    step = timedelta(minutes=5)
    picture = draw(
        buckets([0, 3, 27, 1] * 3 * hours),
        step,
        ZoneInfo("Europe/Paris"),
        [(NOON + step, "Début"), (NOON + hours * timedelta(hours=1) - step, "Repéré"), (NOON - step, "avant")],
    )
    assert len(picture.bars) == 9 * hours
    assert [bar.hot for bar in picture.bars[:2]] == [True, True]
    for bar in picture.bars:
        assert picture.left <= bar.x
        assert bar.x + bar.width <= picture.right + 1
        assert picture.top <= bar.y
        assert bar.y + bar.height <= picture.bottom + 0.2
    assert len(picture.times) <= 9
    assert [tick.label for tick in picture.counts] == ["0", "20", "40"]
    assert [mark.label for mark in picture.marks] == ["Début", "Repéré"]
    assert picture.marks[1].anchor == "end"


def test_a_picture_of_nothing_known_has_no_band():
    picture = draw(buckets([0], expected=None, low=None, high=None), timedelta(minutes=5), ZoneInfo("UTC"), [])
    assert (picture.band, picture.usual, picture.bars, picture.marks) == ("", "", [], [])


def test_the_report_has_the_same_words_in_both_languages():
    assert WORDS["fr"].keys() == WORDS["en"].keys()


def test_the_report_names_who_took_care_only_where_people_have_names():
    assert who_and_when("marketing", "le 2 mars à 8:15", "fr") == "le 2 mars à 8:15, par marketing"
    assert who_and_when("embedded", "le 2 mars à 8:15", "fr") == "le 2 mars à 8:15"
    assert who_and_when(None, None, "en") is None


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("severity", ["watch", "serious", "critical"])
def test_the_title_of_a_report_says_that_it_is_over(language, severity):
    words = WORDS[language]
    assert words[f"title.{severity}"] != words[f"title.{severity}.closed"]
    assert words[f"severity.{severity}"] != words[f"severity.{severity}.closed"]
    assert "is starting" not in words[f"title.{severity}.closed"]
