"""From the outbox to the inbox: every alert's e-mail arrives, once, whatever the mail server does meanwhile."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy import delete, select, update

from vigie_api.alerts import courier as courier_module
from vigie_api.alerts import outbox
from vigie_api.alerts.courier import Courier
from vigie_api.alerts.listing import Filters, read_page
from vigie_api.alerts.post import mail_domain, post_of
from vigie_api.alerts.table import alert_outbox, alerts
from vigie_api.backoff import pause_after
from vigie_api.database.engine import DatabaseAway
from vigie_api.settings import Settings
from vigie_api.telemetry.events import AlertRaised, Telemetry

pytestmark = pytest.mark.anyio


@pytest.fixture
def people(reviewers, mailing):
    made = reviewers()
    made.book._mail_domain = mail_domain(mailing)
    return made


@pytest.fixture
async def delivering(database, mailing, heard):
    """Starts couriers as the application does, and ends them."""
    tasks = []

    def start(settings=mailing):
        courier = Courier(database, Telemetry([heard]), post_of(settings), retry_s=settings.mail_retry_s)
        tasks.extend(asyncio.create_task(courier.run(channel)) for channel in ("event", "email"))

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def three_wrong(people):
    await people.wrong(("p1", 0), ("p2", 100), ("p3", 299.9))


async def emails_of(people):
    found, _, _ = await read_page(people.database, Filters(), 10)
    return [email for alert in found for email in alert.emails]


async def states_of(people):
    return await people.database.read(lambda c: c.execute(select(alert_outbox.c.state)).scalars().all())


async def eventually(condition):
    """Wait for what a coroutine says of the database."""
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


async def all_sent(people):
    async def sent():
        return set(await states_of(people)) == {"sent"}

    await eventually(sent)


async def all_due(people):
    """What was to be done later is to be done now."""
    await people.database.write(lambda c: c.execute(update(alert_outbox).values(due_at=outbox.clock(c))))


async def first_failure(people):
    async def failed():
        return (await emails_of(people))[0].error is not None

    await eventually(failed)
    return (await emails_of(people))[0]


async def test_an_alert_is_told_to_telemetry_and_mailed_once(people, delivering, mail_server, heard):
    delivering()
    delivering()
    await three_wrong(people)
    await people.wrong(("p4", 301), ("p5", 302))
    await all_sent(people)
    (alert,), _, _ = await read_page(people.database, Filters(), 10)
    (message,) = mail_server.sink.messages
    assert message["Message-ID"] == alert.emails[0].message_id == f"<{alert.id}.opened@example.org>"
    assert mail_server.sink.recipients == [["marketing@example.org"]]
    (event,) = heard.events
    assert isinstance(event, AlertRaised)
    assert (event.alert_id, event.kind, event.model_version, event.window_s) == (alert.id, "misprediction", "7", 300)
    assert (alert.emails[0].attempts, alert.emails[0].error) == (1, None)
    assert alert.emails[0].sent_at is not None


async def test_a_mail_server_that_is_down_gets_it_later_once(people, delivering, mail_server):
    mail_server.stop()
    delivering()
    await three_wrong(people)
    email = await first_failure(people)
    assert email.state == "waiting"
    assert "127.0.0.1" in email.error
    mail_server.start()
    await all_sent(people)
    assert len(mail_server.sink.messages) == 1
    assert (await emails_of(people))[0].attempts > 1


async def test_after_a_night_without_a_mail_server_nothing_waits_for_the_next_quarter_of_an_hour(
    people, delivering, mail_server
):
    mail_server.stop()
    delivering()
    await three_wrong(people)
    await people.wrong(("q1", 4_000), ("q2", 4_001), ("q3", 4_002))

    async def both_failed():
        return all(email.error is not None for email in await emails_of(people))

    await eventually(both_failed)
    tomorrow = {"due_at": datetime.now(UTC) + timedelta(days=1)}
    emails = (alert_outbox.c.channel == "email") & alert_outbox.c.lease.is_(None)

    async def both_wait_long():
        """An attempt may have been under way."""
        changed = await people.database.write(lambda c: c.execute(update(alert_outbox).where(emails).values(tomorrow)))
        return changed.rowcount == 2

    await eventually(both_wait_long)
    mail_server.start()
    await all_sent(people)
    assert len(mail_server.sink.messages) == 2


@pytest.mark.parametrize(
    "answers",
    [["451 4.3.0 later"], ["554 5.7.1 looks like spam", "451 4.3.0 later"], ["hang up"], ["hang up", "421 4.3.2 bye"]],
    ids=lambda answers: " and ".join(answers),
)
async def test_a_refusal_or_a_lost_connection_is_tried_again(people, delivering, mail_server, answers):
    mail_server.sink.answers = list(answers)
    delivering()
    await three_wrong(people)
    await all_sent(people)
    assert (len(mail_server.sink.messages), mail_server.sink.tries) == (1, 1 + len(answers))


async def test_a_slow_server_gets_it_once_although_the_lease_ends_meanwhile(
    people, delivering, mail_server, monkeypatch
):
    monkeypatch.setattr(outbox, "LEASE_S", 2.0)
    monkeypatch.setattr(courier_module, "LEASE_S", 2.0)
    mail_server.sink.slow_s = 4.0
    delivering()
    delivering()
    await three_wrong(people)
    await all_sent(people)
    assert mail_server.sink.tries == 1


async def test_only_those_who_have_not_got_it_get_it_again(people, delivering, mailing, mail_server):
    two = mailing.model_copy(update={"mail_to": ("marketing@example.org", "Opérations <ops@example.org>")})
    mail_server.sink.refused = {"ops@example.org"}
    delivering(two)
    await three_wrong(people)
    await first_failure(people)
    mail_server.sink.refused = set()
    await all_sent(people)
    assert mail_server.sink.recipients == [["marketing@example.org"], ["ops@example.org"]]
    first, second = mail_server.sink.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert first["To"] == second["To"] == "marketing@example.org, Opérations <ops@example.org>"


async def test_what_a_process_left_behind_when_it_died_is_sent_when_its_lease_ends(people, delivering, mail_server):
    await three_wrong(people)
    await people.database.write(
        lambda c: c.execute(update(alert_outbox).values(lease="dead", due_at=outbox.clock(c), attempts=1))
    )
    assert await people.database.write(outbox.claim, "email", str(uuid4())) is None  # it gets notice first
    await all_due(people)
    assert await people.database.write(outbox.claim, "email", str(uuid4())) is not None  # and this one dies here
    assert await people.database.write(outbox.claim, "email", str(uuid4())) is None
    await all_due(people)
    delivering()
    await all_sent(people)
    assert len(mail_server.sink.messages) == 1


async def test_who_lost_the_lease_and_lives_is_not_overtaken(people, mail_server):
    await three_wrong(people)
    await all_due(people)
    ours = await people.database.write(outbox.claim, "email", str(uuid4()))
    for _ in range(2):
        await all_due(people)
        assert await people.database.write(outbox.claim, "email", str(uuid4())) is None
        await people.database.write(outbox.renew, ours)
    await all_due(people)
    assert await people.database.write(outbox.claim, "email", str(uuid4())) is None
    await people.database.write(outbox.delivered, ours)
    await all_due(people)
    assert await people.database.write(outbox.claim, "email", str(uuid4())) is None
    (email,) = await emails_of(people)
    assert (email.state, email.attempts, email.error) == ("sent", 1, None)


class CutOff:
    """A database whose connection goes once at `work`: before it, or after its commit, of which nobody then hears."""

    def __init__(self, database, work, when="after"):
        self._database, self._work, self._when = database, work, when

    async def write(self, work, *args):
        return await self._once(work, partial(self._database.write, work, *args))

    async def read(self, work, *args):
        return await self._once(work, partial(self._database.read, work, *args))

    async def _once(self, work, do):
        goes = work.__name__ == self._work
        if goes:
            self._work = None
        if goes and self._when == "before":
            raise DatabaseAway("there is no connection")
        done = await do()
        if goes:
            raise DatabaseAway("the connection was reset")
        return done


@pytest.mark.parametrize("work", ["claim", "_alert_of"])
async def test_a_claim_that_the_database_went_away_with_is_taken_up_as_soon_as_it_is_back(
    people, mailing, mail_server, heard, work
):
    await three_wrong(people)
    await all_due(people)
    courier = Courier(CutOff(people.database, work), Telemetry([heard]), post_of(mailing), retry_s=0.1)
    with pytest.raises(DatabaseAway):
        await courier.deliver_one("email")
    assert await courier.deliver_one("email")
    assert not await courier.deliver_one("email")
    (email,) = await emails_of(people)
    assert (email.state, len(mail_server.sink.messages)) == ("sent", 1)


async def test_an_alert_that_cannot_be_read_waits_like_one_that_cannot_be_sent(
    people, mailing, mail_server, heard, monkeypatch
):
    def unreadable(connection, alert_id):
        raise ValueError(alert_id)

    monkeypatch.setattr(courier_module, "find", unreadable)
    await three_wrong(people)
    await all_due(people)
    courier = Courier(people.database, Telemetry([heard]), post_of(mailing), retry_s=60.0)
    assert await courier.deliver_one("email")
    assert not await courier.deliver_one("email")
    monkeypatch.undo()
    (email,) = await emails_of(people)
    assert (email.state, email.error, mail_server.sink.tries) == ("waiting", "ValueError", 0)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_who_has_it_already_is_known_although_the_database_goes_away(people, mailing, mail_server, heard, when):
    two = mailing.model_copy(update={"mail_to": ("marketing@example.org", "ops@example.org")})
    mail_server.sink.refused = {"ops@example.org"}
    await three_wrong(people)
    await all_due(people)
    courier = Courier(CutOff(people.database, "postpone", when), Telemetry([heard]), post_of(two), retry_s=0.1)
    assert await courier.deliver_one("email")
    mail_server.sink.refused = set()
    await all_due(people)
    assert await courier.deliver_one("email")
    assert mail_server.sink.recipients == [["marketing@example.org"], ["ops@example.org"]]


async def test_the_end_of_the_process_waits_until_a_mail_that_is_sent_is_marked(
    people, mailing, mail_server, heard, until
):
    mail_server.sink.slow_s = 1.0
    await three_wrong(people)
    courier = Courier(people.database, Telemetry([heard]), post_of(mailing), retry_s=0.1)
    task = asyncio.create_task(courier.run("email"))
    await until(lambda: mail_server.sink.tries)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [email.state for email in await emails_of(people)] == ["sent"]
    assert len(mail_server.sink.messages) == 1


async def test_a_server_that_never_answers_does_not_hold_up_the_end(
    people, mailing, mail_server, heard, monkeypatch, until
):
    monkeypatch.setattr(courier_module, "_GRACE_S", 0.2)
    mail_server.sink.slow_s = 200.0
    await three_wrong(people)
    courier = Courier(people.database, Telemetry([heard]), post_of(mailing), retry_s=0.1)
    task = asyncio.create_task(courier.run("email"))
    await until(lambda: mail_server.sink.tries)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 60)
    assert [email.state for email in await emails_of(people)] == ["waiting"]


async def test_without_a_mail_server_alerts_are_kept_and_their_mail_is_off(
    reviewers, delivering, settings, heard, until
):
    people = reviewers()
    delivering(settings)
    await three_wrong(people)
    await until(lambda: heard.events)
    assert [email.state for email in await emails_of(people)] == ["off"]


async def test_it_is_given_up_after_a_week_and_says_so(people, delivering, mail_server, monkeypatch):
    monkeypatch.setattr(courier_module, "_KEEP_TRYING_S", 0.0)
    mail_server.stop()
    delivering()
    await three_wrong(people)
    await first_failure(people)
    assert [email.state for email in await emails_of(people)] == ["failed"]


def test_pauses_double_up_to_a_quarter_of_an_hour_and_never_agree():
    assert [pause_after(n, 5.0, 0.999999) for n in (1, 2, 3)] == pytest.approx([5, 10, 20], rel=1e-5)
    assert [pause_after(n, 5.0, 0.0) for n in (1, 2, 3)] == [2.5, 5, 10]
    assert pause_after(10_000, 5.0, 0.0) == 450
    assert pause_after(10_000, 5.0, 0.999999) == pytest.approx(900, rel=1e-5)


async def test_a_refused_login_is_said_and_tried_again(people, delivering, mailing, mail_server):
    values = mailing.model_dump() | {"smtp_username": "vigie", "smtp_password": "secret"}
    delivering(Settings(**values))
    await three_wrong(people)
    email = await first_failure(people)
    assert email.state == "waiting"
    assert "secret" not in email.error


async def test_an_alert_that_was_deleted_before_it_was_told_holds_nothing_up(people, delivering, heard, until):
    await three_wrong(people)
    await people.database.write(lambda c: c.execute(delete(alerts)))
    assert await people.book.raise_alert("operations", "mlflow", {})
    delivering()
    await until(lambda: heard.events)
    assert [event.kind for event in heard.events] == ["operations"]
