"""Verdicts open alerts in their own transaction: once, with their evidence, and not again within the cooldown."""

import asyncio

import pytest
from sqlalchemy import func, select

from vigie_api.alerts.listing import Filters, read_page
from vigie_api.alerts.table import alert_outbox, alerts

from .conftest import START

pytestmark = pytest.mark.anyio
THREE = (("p1", 0), ("p2", 100), ("p3", 299.9))


async def alerts_of(people):
    found, _, _ = await read_page(people.database, Filters(), 100)
    return found


@pytest.mark.parametrize(("last_s", "opened"), [(299.9, 1), (300.0, 0)])
async def test_three_in_less_than_300_s_open_an_alert_with_their_evidence(reviewers, last_s, opened):
    people = reviewers()
    await people.wrong(("p1", 0), ("p2", 100), ("p3", last_s))
    found = await alerts_of(people)
    assert len(found) == opened
    if opened:
        (alert,) = found
        assert (alert.kind, alert.state, alert.count, alert.model_version) == ("misprediction", "open", 3, "7")
        assert (alert.evidence["window_s"], alert.evidence["burst"]) == (300, 3)
        first = alert.evidence["verdicts"][0]
        assert first == {
            "feedback_id": "f1",
            "prediction_id": "p1",
            "text": "tweet of p1",
            "sentiment": "positive",
            "correction": "negative",
            "model_version": "7",
            "received_at": START.isoformat().replace("+00:00", "Z"),
            "taken_back": False,
        }
        assert [email.state for email in alert.emails] == ["off"]


async def test_a_verdict_that_was_taken_back_leaves_the_window(reviewers):
    people = reviewers()
    await people.wrong(("p1", 0), ("p2", 10))
    await people.say("p1", "correct", 20)
    await people.wrong(("p3", 30))
    assert await alerts_of(people) == []
    await people.wrong(("p4", 40))
    (alert,) = await alerts_of(people)
    assert [verdict["prediction_id"] for verdict in alert.evidence["verdicts"]] == ["p2", "p3", "p4"]


async def test_a_verdict_that_was_changed_counts_from_when_it_was_changed(reviewers):
    people = reviewers()
    await people.wrong(("p1", 0), ("p2", 290))
    await people.say("p1", "wrong", 295, comment="really")
    await people.wrong(("p3", 310))
    assert len(await alerts_of(people)) == 1


async def test_the_same_verdict_again_does_not_count_twice(reviewers):
    people = reviewers()
    for at_s in range(5):
        await people.say("p1", "wrong", at_s)
        await people.say("p1", "wrong", at_s, comment=str(at_s))
        await people.say("p2", "wrong", at_s)
    assert await alerts_of(people) == []


async def test_further_wrong_verdicts_join_the_alert_until_its_cooldown_is_over(reviewers):
    people = reviewers(cooldown_s=1_000)
    await people.wrong(*THREE, ("p4", 400), ("p5", 500), ("p6", 600), ("p4", 1_299.8))
    (alert,) = await alerts_of(people)
    assert (alert.count, len(alert.evidence["verdicts"])) == (6, 6)
    await people.wrong(("p7", 1_299.95), ("p8", 1_310), ("p9", 1_320))
    newer, older = await alerts_of(people)
    assert (newer.count, older.count) == (3, 6)
    assert {email.message_id for email in newer.emails}.isdisjoint(email.message_id for email in older.emails)


async def test_a_verdict_is_in_one_alert_only(reviewers):
    people = reviewers(cooldown_s=0)
    await people.wrong(*((f"p{n}", n) for n in range(8)))
    assert [alert.count for alert in await alerts_of(people)] == [3, 3]


async def test_an_acknowledged_alert_still_takes_in_what_comes_within_its_cooldown(reviewers):
    people = reviewers()
    await people.wrong(*THREE)
    (alert,) = await alerts_of(people)
    await people.book.acknowledge(alert.id, "marketing", "seen")
    await people.wrong(("p4", 301), ("p5", 302), ("p6", 303))
    (alert,) = await alerts_of(people)
    assert (alert.state, alert.count) == ("acknowledged", 6)


async def test_a_verdict_taken_back_later_is_marked_in_the_evidence(reviewers):
    people = reviewers()
    await people.wrong(*THREE)
    await people.say("p2", "correct", 301)
    (alert,) = await alerts_of(people)
    assert [verdict["taken_back"] for verdict in alert.evidence["verdicts"]] == [False, True, False]


async def test_verdicts_from_the_spool_count_at_their_receipt_time_and_in_any_order(reviewers):
    people = reviewers()
    await people.wrong(("p3", 290))
    await people.wrong(("p1", 0), replayed=True)
    assert await alerts_of(people) == []
    await people.wrong(("p2", 100), replayed=True)
    (alert,) = await alerts_of(people)
    assert alert.opened_at.timestamp() - START.timestamp() == 290


async def test_a_replayed_verdict_that_a_later_one_replaced_does_not_count(reviewers):
    people = reviewers()
    await people.wrong(("p1", 0), ("p2", 1))
    await people.say("p3", "correct", 10)
    await people.wrong(("p3", 5), replayed=True)
    assert await alerts_of(people) == []


async def test_a_late_verdict_joins_the_alert_that_opened_meanwhile(reviewers):
    people = reviewers()
    await people.wrong(("p1", 100), ("p2", 101), ("p3", 102))
    await people.wrong(("p4", 0), ("p5", 1), ("p6", 2), replayed=True)
    (alert,) = await alerts_of(people)
    assert alert.count == 6


async def test_many_at_once_open_exactly_one_alert(reviewers):
    people = reviewers()
    await asyncio.gather(*(people.say(f"p{n}", "wrong", n / 100) for n in range(40)))
    (alert,) = await alerts_of(people)
    assert alert.count == 40
    assert len(alert.evidence["verdicts"]) == 10


async def test_what_fails_with_the_alert_takes_the_verdict_back_too(reviewers, monkeypatch):
    people = reviewers()
    await people.wrong(("p1", 0), ("p2", 1))

    def broken(*_arguments, **_more):
        raise ZeroDivisionError

    monkeypatch.setattr("vigie_api.alerts.book.post", broken)
    with pytest.raises(ZeroDivisionError):
        await people.wrong(("p3", 2))
    count = select(func.count()).select_from(alerts)
    assert await people.database.read(lambda c: c.scalar(count)) == 0


async def test_another_kind_is_raised_once_while_it_is_open_and_within_its_cooldown(reviewers):
    book = reviewers().book
    people = reviewers()
    assert await book.raise_alert("drift", "2026-11-22/7", {"day": "2026-11-22", "predictions": 10}, "7")
    assert not await book.raise_alert("drift", "2026-11-22/7", {"day": "2026-11-22", "predictions": 20}, "7")
    assert await book.raise_alert("drift", "2026-11-23/7", {"day": "2026-11-23"}, "7")
    second, first = await alerts_of(people)
    assert (first.count, first.evidence["predictions"], second.count) == (2, 20, 1)
    await book.acknowledge(first.id, "ops", None)
    assert not await book.raise_alert("drift", "2026-11-22/7", {"day": "2026-11-22"})
    rows = await people.database.read(lambda c: c.scalar(select(func.count()).select_from(alert_outbox)))
    assert rows == 4


async def test_another_kind_is_raised_again_once_it_was_acknowledged_and_its_cooldown_is_over(reviewers):
    people = reviewers(cooldown_s=0)
    assert await people.book.raise_alert("operations", "mlflow", {})
    assert not await people.book.raise_alert("operations", "mlflow", {})
    (alert,) = await alerts_of(people)
    await people.book.acknowledge(alert.id, "ops", None)
    assert await people.book.raise_alert("operations", "mlflow", {})
