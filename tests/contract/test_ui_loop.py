"""The production loop through the page's client and the real API: check, alert, export, and what the model does."""

import csv
import io
import time
from datetime import UTC, datetime

import httpx
import pytest

from vigie_api.champion import schema as model_schema
from vigie_api.drift import schema as drift_schema
from vigie_api.review import schema as review_schema
from vigie_api.shadow import schema as shadow_schema
from vigie_ui.client import ApiError, Feedback, Reason, VigieClient
from vigie_ui.deck import Deck
from vigie_ui.post import Post
from vigie_ui.review_answers import Patterns, Review
from vigie_ui.watch_answers import Drift, Moved, Moves, Served

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def fresh(running, grumbler, tmp_path):
    """A client in front of an API of its own."""
    with running(tmp_path, grumbler) as url, VigieClient(url) as client:
        # The database is prepared while predictions are answered already.
        while not answers(client):
            time.sleep(0.05)
        yield client


def answers(client):
    try:
        client.alerts(1)
    except ApiError:
        return False
    return True


def listed(client, count):
    """What there is to check, once the predictions, which are written behind the answer, are in the database."""
    while True:
        found = client.review(50)
        if found.waiting == count:
            return found
        time.sleep(0.05)


def test_a_topic_narrows_what_is_listed_the_patterns_and_the_file(running, grumbler, tmp_path):
    with running(tmp_path, grumbler) as url, VigieClient(url) as client:
        for topic in ("Air Paradis", "Air Enfer", None):  # a program says so; the page does not
            told = {"text": f"Encore du retard, {topic}", "topic": topic}
            httpx.post(f"{url}/v1/predict", json=told, trust_env=False, timeout=60).raise_for_status()
        while not answers(client):
            time.sleep(0.05)
        items = {item.topic: item for item in listed(client, 3).items}
        (narrow,) = client.review(50, topic="Air Enfer").items
        assert (set(items), narrow.topic) == ({"Air Paradis", "Air Enfer", None}, "Air Enfer")
        for item in items.values():
            said = {"verdict": "wrong", "text": item.text, "sentiment": item.sentiment}
            client.send_feedback(Feedback(item.prediction_id, model_version=item.model_version, **said))
        counted = {(row.topic, row.judged, row.wrong) for row in client.patterns().by_topic}
        assert counted == {("Air Paradis", 1, 1), ("Air Enfer", 1, 1), (None, 1, 1)}
        assert client.patterns(topic="Air Paradis").judged == 1
        (row,) = rows(client.verdicts_csv(topic="Air Paradis"))
        assert row["topic"] == "Air Paradis"


def test_what_was_predicted_is_listed_judged_and_gone(fresh):
    texts = ("Où est ma valise", "Rien à dire", "Encore une heure de retard")
    predicted = {fresh.predict(text).id: text for text in texts}
    deck, post = Deck(), Post()
    deck.load(listed(fresh, 3))
    assert {card.item.prediction_id: card.item.text for card in deck.cards} == predicted
    assert {card.item.sentiment for card in deck.cards} == {"negative"}
    deck.judge(1, "positive", post)
    deck.judge(2, None, post)
    post.deliver(fresh, NOW)
    left = listed(fresh, 1)
    assert [item.prediction_id for item in left.items] == [deck.cards[2].item.prediction_id]
    assert left.judged_today == 2


def test_undo_leaves_the_models_verdict_as_the_one_that_counts(fresh):
    fresh.predict("Où est ma valise")
    deck, post = Deck(), Post()
    deck.load(listed(fresh, 1))
    deck.judge(1, "positive", post)
    post.deliver(fresh, NOW)
    deck.undo(post)
    post.deliver(fresh, NOW)
    assert [row["verdict"] for row in rows(fresh.verdicts_csv())] == ["correct"]


def rows(file):
    assert file.startswith("\ufeff".encode())
    return list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"))))


def test_the_export_holds_what_was_said_and_no_formula(fresh):
    fresh.predict("=HYPERLINK(1)")
    fresh.predict("Perdu à Orly")
    deck, post = Deck(), Post()
    deck.load(listed(fresh, 2))
    for card in deck.cards:
        deck.judge(card.number, "positive" if card.item.text.startswith("Perdu") else None, post)
    post.deliver(fresh, NOW)
    assert {row["text"] for row in rows(fresh.verdicts_csv())} == {"Perdu à Orly", "'=HYPERLINK(1)"}
    (wrong,) = rows(fresh.verdicts_csv(verdict="wrong", language="fr", since="2020-01-01T00:00:00Z"))
    assert (wrong["text"], wrong["verdict"], wrong["correction"]) == ("Perdu à Orly", "wrong", "positive")


def test_three_corrections_raise_an_alert_that_is_taken_in_hand(fresh):
    deck, post = Deck(), Post()
    texts = {"Merci pour ce vol", "Bravo à tous les deux", "Quel plaisir"}
    for text in texts:
        fresh.predict(text)
    deck.load(listed(fresh, 3))
    for card in deck.cards:
        deck.judge(card.number, "positive", post)
    post.deliver(fresh, NOW)
    page = fresh.alerts(10, state="open", kind="misprediction", since="2020-01-01T00:00:00Z")
    (alert,) = page.alerts
    assert page.open == 1
    assert (alert.open, alert.count) == (True, 3)
    assert {verdict.text for verdict in alert.basis.verdicts} == texts
    assert {email.state for email in alert.emails} == {"off"}
    taken = fresh.acknowledge(alert.id, " de l’ironie ")
    assert (taken.open, taken.note) == (False, "de l’ironie")
    assert fresh.acknowledge(alert.id, "").note == "de l’ironie"
    assert fresh.alert(alert.id) == taken
    assert fresh.alerts(1).open == 0


@pytest.mark.parametrize("unknown", ["019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a71", "../feedback", "é"])
def test_a_name_of_no_alert_is_told_apart(client, unknown):
    with pytest.raises(ApiError) as caught:
        client.alert(unknown)
    assert caught.value.reason in (Reason.MISSING, Reason.UNREADABLE)


def test_the_patterns_of_nothing_are_understood(fresh):
    found = fresh.patterns(language="fr", since="2020-01-01T00:00:00Z")
    assert (found.judged, found.wrong, found.terms) == (0, 0, ())


def test_what_serves_and_how_its_days_went_is_understood(fresh):
    assert (fresh.served().version, fresh.served().shadow) == ("1", None)
    assert fresh.drift(14).reference is False


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (review_schema.ReviewList, Review),
        (review_schema.Patterns, Patterns),
        (model_schema.ServedModel, Served),
        (model_schema.Moves, Moves),
        (model_schema.Moved, Moved),
        (drift_schema.DriftOut, Drift),
    ],
)
def test_every_key_that_the_page_reads_is_one_that_the_api_sends(theirs, ours):
    assert ours.model_fields.keys() <= theirs.model_fields.keys()


def test_a_trial_is_understood_whole():
    latency = shadow_schema.LatencyOut(p50=2.1, p95=None)
    sent = shadow_schema.ShadowOut(
        version="4",
        recipe="ensemble",
        gate="passed",
        since=None,
        sample=0.1,
        scored=0,
        agreement=None,
        mean_shift=None,
        latency_ms=shadow_schema.ShadowLatency(champion=latency, challenger=latency),
        dropped=0,
        error=None,
    )
    found = Served.model_validate({"version": "3", "recipe": "bert", "shadow": sent.model_dump(mode="json")}).shadow
    assert found is not None
    assert (found.version, found.latency_ms.challenger.p50, found.agreement) == ("4", 2.1, None)
