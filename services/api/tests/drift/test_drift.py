"""Live traffic against the reference that travels with the model: day by day, counted once, and alarming once."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select, text

import vigie_model
from vigie_api.alerts.table import alerts
from vigie_api.champion.source import FixedSource
from vigie_api.drift.counting import TEXTS_READ, count_between
from vigie_api.drift.days import Days
from vigie_api.drift.profile import Profile, profile_from_json
from vigie_api.drift.verdict import Limits, measure, worst
from vigie_api.drift.watch import DriftWatch, drift_limits
from vigie_api.prediction.ids import IdSource
from vigie_api.prediction.table import PredictionRow, insert_predictions
from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio

NOON = datetime(2020, 6, 15, 12, tzinfo=UTC)  # long ago: the tasks of the application leave it alone
WORDS = ["merci", "vol", "retard", "bagage", "great", "crew", "delay", "the", "le", "flight"]
IDS = IdSource()


def posts(count, seed, words=WORDS, longest=20):
    draw = random.Random(seed)
    return [(" ".join(draw.choices(words, k=draw.randint(2, longest))), draw.random()) for _ in range(count)]


REFERENCE = vigie_model.describe_reference(*zip(*posts(2_000, 1), strict=True))


class Served:
    """A model with statistics, that is never asked anything."""

    def __init__(self, scorer, reference):
        self._scorer = scorer
        self.cost = "light"
        self.manifest = vigie_model.Manifest("tiny", {}, vigie_model.Platt(), (0.4, 0.6), reference=reference)

    def predict_one(self, text):
        return self._scorer.predict_one(text)

    def predict(self, texts):
        return self._scorer.predict(texts)


def rows(found, at, version="1"):
    return [
        PredictionRow(
            IDS.next(),
            at.timestamp() + index / 1_000,
            said,
            "positive" if score >= 0.5 else "negative",
            score,
            False,
            vigie_model.detect_language(said),
            version,
            "tiny",
        )
        for index, (said, score) in enumerate(found)
    ]


@pytest.fixture
def on(settings, database_url):
    return Settings(**settings.model_dump() | {"database_url": database_url})


@pytest.fixture
def started(running, on, constant):
    """Starts an application whose model carries a reference; `reference={}` is an artifact of long ago."""

    def start(reference=REFERENCE):
        return running(on, FixedSource(Served(constant(), reference)))

    return start


class Clock:
    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


def watch_of(api, clock):
    services = api.services
    limits = drift_limits(services.settings)
    return DriftWatch(services.database, services.serving, services.alerts, limits, CollectorRegistry(), clock)


async def put(api, found, at, version="1"):
    written = rows(found, at, version)
    for start in range(0, len(written), 250):
        await api.services.database.write(insert_predictions, written[start : start + 250])


async def today(watch):
    return (await watch.report(1)).days[0]


async def opened(api):
    return await api.services.database.read(lambda c: c.execute(select(alerts).order_by(alerts.c.seq)).all())


async def test_traffic_like_the_training_rows_is_no_drift(started):
    async with started() as api:
        watch = watch_of(api, Clock())
        await put(api, posts(600, 2), NOON - timedelta(hours=1))
        await watch.tick()
        day = await today(watch)
        assert (day.predictions, day.state) == (600, "ok")
        assert [found.name for found in day.measures] == ["score", "length", "language", "vocabulary"]
        assert [found.statistic for found in day.measures] == ["psi", "psi", "jensen_shannon", "share"]
        assert await opened(api) == []


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("score", [(said, score / 4) for said, score in posts(400, 3)]),
        ("length", posts(400, 3, longest=3)),
        ("language", [(f"{said} the the the the the the", score) for said, score in posts(400, 3, ["crew"])]),
        ("vocabulary", posts(400, 3, ["train", "tram", "bus", "quai", "wagon"])),
    ],
)
async def test_each_measure_sees_what_it_is_for(started, name, changed):
    async with started() as api:
        watch = watch_of(api, Clock())
        await put(api, changed, NOON - timedelta(hours=1))
        await watch.count()
        found = next(found for found in (await today(watch)).measures if found.name == name)
        assert found.state == "alert"


async def test_too_few_predictions_are_not_judged(started):
    async with started() as api:
        watch = watch_of(api, Clock())
        await put(api, [("train tram bus", 0.01)] * 199, NOON - timedelta(hours=1))
        await watch.tick()
        assert ((await today(watch)).state, (await today(watch)).measures) == ("few", [])
        assert await opened(api) == []


async def test_an_artifact_without_statistics_says_so(started):
    async with started({}) as api:
        await put(api, posts(300, 2), NOON)
        watch = watch_of(api, Clock(NOON + timedelta(hours=1)))
        await watch.tick()
        report = await watch.report(1)
        assert (report.reference, report.days[0].predictions, report.days[0].state) == (False, 300, "few")


async def test_an_artifact_of_before_is_compared_by_what_it_carries(started):
    old = {
        "score_histogram": {"edges": [n / 10 for n in range(11)], "counts": [10] * 10},
        "language_share": REFERENCE["language_share"],
    }
    async with started(old) as api:
        watch = watch_of(api, Clock())
        await put(api, posts(600, 2), NOON - timedelta(hours=1))
        await watch.tick()
        assert [(found.name, found.state) for found in (await today(watch)).measures] == [
            ("score", "ok"),
            ("language", "ok"),
        ]


async def test_a_day_is_counted_on_and_never_twice(started):
    async with started() as api:
        clock = Clock()
        watch = watch_of(api, clock)
        for expected in (300, 600, 900):
            await put(api, posts(300, expected), clock.now - timedelta(minutes=30))
            await watch.count()
            await watch.count()
            assert (await today(watch)).predictions == expected
            clock.now += timedelta(hours=1)


async def test_a_day_that_is_over_is_counted_once_more_with_what_came_late(started):
    async with started() as api:
        clock = Clock(NOON)
        watch = watch_of(api, clock)
        await put(api, posts(300, 1), NOON - timedelta(hours=1))
        await watch.count()
        await put(api, posts(50, 2), NOON - timedelta(hours=2))  # of a spell without the database
        await watch.count()
        assert (await watch.report(1)).days[-1].predictions == 300
        clock.now = NOON + timedelta(days=1)
        await watch.count()
        assert [(day.day.day, day.predictions) for day in (await watch.report(2)).days] == [(15, 350), (16, 0)]
        await put(api, posts(50, 3), NOON - timedelta(hours=2))
        await watch.count()
        assert (await watch.report(2)).days[0].predictions == 350


async def test_the_predictions_of_another_version_are_another_matter(started):
    async with started() as api:
        watch = watch_of(api, Clock())
        await put(api, posts(300, 1), NOON - timedelta(hours=1))
        await put(api, posts(300, 2), NOON - timedelta(hours=1), version="2")
        await watch.count()
        assert (await today(watch)).predictions == 300


async def test_two_processes_count_a_prediction_once(started):
    async with started() as api:
        clock = Clock()
        one, other = watch_of(api, clock), watch_of(api, clock)
        await put(api, posts(300, 1), NOON - timedelta(hours=1))
        await asyncio.gather(one.count(), other.count(), one.count(), other.count())
        clock.now += timedelta(minutes=10)
        await put(api, posts(300, 2), NOON)
        await asyncio.gather(one.count(), other.count(), one.count(), other.count())
        assert (await today(one)).predictions == 600


async def test_a_day_alarms_once_whoever_looks_and_not_again_once_people_know(started):
    async with started() as api:
        clock = Clock()
        watches = [watch_of(api, clock), watch_of(api, clock)]
        await put(api, [("train tram bus", 0.01)] * 300, NOON - timedelta(hours=1))
        for _ in range(3):
            for watch in watches:
                await watch.tick()
            clock.now += timedelta(hours=1, minutes=1)
        (alert,) = await opened(api)
        assert (alert.kind, alert.key, alert.model_version) == ("drift", "2020-06-15/1", "1")
        assert alert.evidence["day"] == "2020-06-15"
        assert alert.evidence["predictions"] == 300
        assert {"name": "score", "threshold": 0.25} in [
            {key: found[key] for key in ("name", "threshold")} for found in alert.evidence["measures"]
        ]
        assert all(found["value"] >= found["threshold"] for found in alert.evidence["measures"])

        await api.services.database.write(
            lambda c: c.execute(
                text("UPDATE alerts SET acknowledged_at = :at, opened_at = :at"),
                {"at": NOON - timedelta(days=1)} if c.dialect.name == "postgresql" else {"at": "2020-06-14 12:00:00"},
            )
        )
        await watches[0].tick()
        await watches[0].judge()
        assert len(await opened(api)) == 1


async def test_the_gauges_show_today_by_version(started):
    async with started() as api:
        await put(api, posts(300, 1), datetime.now(UTC) - timedelta(seconds=30))
        await api.services.drift.count()
        scraped = (await api.client.get("/metrics")).text
        late = datetime.now(UTC) - timedelta(seconds=30)
        if late.date() == datetime.now(UTC).date():
            assert 'vigie_drift{measure="score",model_version="1"}' in scraped


async def test_the_route_gives_every_day_of_the_range(started):
    async with started() as api:
        answer = (await api.client.get("/v1/drift", params={"days": 3})).json()
        assert (answer["model_version"], answer["reference"]) == ("1", True)
        assert answer["thresholds"] == {"warning": 0.1, "alert": 0.25}
        assert [day["state"] for day in answer["days"]] == ["few"] * 3
        assert [day["day"] for day in answer["days"]] == sorted(day["day"] for day in answer["days"])
        for wrong in ({"days": 0}, {"days": 91}, {"day": 1}):
            assert (await api.client.get("/v1/drift", params=wrong)).status_code == 422


async def test_words_are_looked_up_in_a_sample_of_many_texts(started):
    async with started() as api:
        found = [("merci train", 0.5)] * 6_000
        await put(api, found, NOON)
        profiles = await api.services.database.read(
            count_between, NOON, NOON + timedelta(hours=1), {"1": frozenset({"merci"})}
        )
        profile = profiles["1"]
        assert (profile.predictions, profile.known_words * 2) == (6_000, profile.words)
        assert 0 < profile.words <= 4 * TEXTS_READ
        assert profile.lengths == {11: 6_000}
        assert profile.scores == {50: 6_000}


@pytest.mark.parametrize(("score", "step"), [(0.0, 0), (1.0, 99), (0.999, 99), (0.01, 1), (0.005, 0), (0.5, 50)])
async def test_a_score_is_counted_in_its_step(started, score, step):
    async with started() as api:
        await put(api, [("a", score)], NOON)
        profiles = await api.services.database.read(count_between, NOON, NOON + timedelta(hours=1), {})
        assert profiles["1"].scores == {step: 1}


def test_a_profile_is_read_back():
    profile = Profile(3, known_words=1, words=2)
    profile.scores.update([1, 1, 99])
    profile.lengths.update([10, 10, 1_000])
    profile.languages.update(["en", "fr", "fr"])
    assert profile_from_json(profile.to_json()) == profile


def test_a_value_on_a_threshold_is_over_it():
    reference = vigie_model.read_reference({"vocabulary": {"words": ["a"], "coverage": 0.75}})
    profile = Profile(1_000, known_words=500, words=1_000)
    for limits, state in (
        (Limits(0.1, 0.25, 1), "alert"),
        (Limits(0.25, 0.3, 1), "warning"),
        (Limits(0.3, 1, 1), "ok"),
    ):
        assert worst(measure(profile, reference, limits)) == state


def test_thresholds_in_the_wrong_order_are_refused(tmp_path):
    with pytest.raises(ValueError, match="VIGIE_API_DRIFT_ALERT"):
        Settings(home=tmp_path, drift_warning=0.3, drift_alert=0.2)


async def test_between_the_slices_of_a_long_count_the_database_rests(started):
    rests = []

    async def rest(seconds):
        rests.append(seconds)

    async with started() as api:
        await put(api, posts(3, 1), NOON - timedelta(days=1, hours=2))
        days = Days(api.services.database, rest)
        await days.count(NOON, {})
        of_yesterday, of_today = 24, 12
        assert len(rests) == of_yesterday - 1 + of_today - 1
        assert all(seconds > 0 for seconds in rests)
        rests.clear()
        await days.count(NOON + timedelta(minutes=1), {})
        assert rests == []
