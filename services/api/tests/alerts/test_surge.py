"""The alert of a surge: one e-mail when it opens, one when it gets worse, in words for those who answer to it."""

import pytest
from sqlalchemy import select

from vigie_api.alerts.book import AlertBook
from vigie_api.alerts.courier import Courier
from vigie_api.alerts.outbox import clock
from vigie_api.alerts.post import mail_domain, policy_of, post_of
from vigie_api.alerts.surge import surge_words
from vigie_api.alerts.table import alert_outbox, alerts
from vigie_api.telemetry.events import AlertRaised, Telemetry

pytestmark = pytest.mark.anyio
EPISODE = "019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a71"


def evidence(**more):
    return {
        "topic": "Air Paradis",
        "episode_id": EPISODE,
        "severity": "watch",
        "negatives": 27,
        "expected": 6.2,
        "share": 0.7,
        "onset_at": "2026-11-22T08:10:00+00:00",
        "seen_at": "2026-11-22T08:50:00+00:00",
        "terms": ["bagages", "<b>lisbonne"],
    } | more


async def test_one_mail_at_opening_one_at_each_escalation_and_one_event(database, mailing, mail_server, heard):
    book = AlertBook(database, policy_of(mailing), mail_domain=mail_domain(mailing))
    courier = Courier(database, Telemetry([heard]), post_of(mailing), retry_s=0.1)
    worse = evidence(severity="critical", negatives=88)

    def open_it(connection):
        return book.open_surge(connection, EPISODE, evidence(), clock(connection))

    def escalate(connection, alert_id, step):
        book.escalate_surge(connection, alert_id, worse, clock(connection), tell=step)

    async def deliver(count):
        while len(mail_server.sink.messages) < count:
            await courier.deliver_one("email")
        assert not await courier.deliver_one("email")

    alert_id = await database.write(open_it)
    await courier.deliver_one("event")
    await deliver(1)
    await database.write(escalate, alert_id, "escalated.critical")
    await database.write(escalate, alert_id, "escalated.critical")
    await database.write(escalate, alert_id, None)
    await deliver(2)

    opened, escalated = mail_server.sink.messages
    assert opened["Subject"] == "[Vigie] Air Paradis\u00a0: un début de mauvais buzz"
    assert escalated["Subject"] == "[Vigie] Air Paradis\u00a0: le mauvais buzz devient critique"
    assert opened["Message-ID"] != escalated["Message-ID"]
    text, html = (opened.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for body in (text, html):
        assert "27 publications négatives en 40 minutes, quand il y en a 6 d’habitude." in body
        assert f"https://vigie.example.org/veille?episode={EPISODE}" in body
        assert "bagages" in body
        assert "09:10 (UTC+01:00)" in body
    assert "&lt;b&gt;lisbonne" in html
    assert "88 publications" in escalated.get_body(("plain",)).get_content()
    (event,) = heard.events
    assert isinstance(event, AlertRaised)
    assert (event.kind, event.alert_id) == ("surge", alert_id)
    assert (event.topic, event.episode_id, event.severity) == ("Air Paradis", EPISODE, "watch")
    assert (event.negatives, event.expected) == (27, 6.2)
    with database.engine.connect() as connection:
        assert connection.scalar(select(alerts.c.count)) == 4
        steps = connection.scalars(select(alert_outbox.c.step).order_by(alert_outbox.c.seq)).all()
    assert steps == ["opened", "opened", "escalated.critical"]


@pytest.mark.parametrize(
    ("language", "negatives", "expected", "lead"),
    [
        ("fr", 5, 0.2, "5 publications négatives en 40 minutes, quand il y en a moins d’une d’habitude."),
        ("fr", 1, 1.2, "1 publication négative en 40 minutes, quand il y en a 1 d’habitude."),
        ("en", 5, 0.2, "5 negative posts in 40 minutes, where less than one is usual."),
        ("en", 5, 1.2, "5 negative posts in 40 minutes, where 1 is usual."),
        ("en", 27, 6.2, "27 negative posts in 40 minutes, where 6 are usual."),
    ],
)
def test_numbers_are_told_in_whole_posts(language, negatives, expected, lead):
    found = surge_words(evidence(negatives=negatives, expected=expected), "Air Paradis", "opened", language)
    assert found.lead == lead


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("severity", ["watch", "serious", "critical"])
@pytest.mark.parametrize("step", ["opened", "escalated.serious"])
def test_every_severity_has_its_words(language, severity, step):
    found = surge_words(evidence(severity=severity), "Air Paradis", step, language)
    assert found.title.startswith("Air Paradis")
    assert found.level
    assert found.why.endswith(".")
