"""A mail server that keeps what it gets and misbehaves on demand, and databases with a book of alerts on them."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from vigie_api.alerts.book import AlertBook
from vigie_api.alerts.rule import Policy
from vigie_api.database.engine import Database
from vigie_api.database.migrate import migrate
from vigie_api.feedback.table import Entry, keep
from vigie_api.settings import Settings
from vigie_api.telemetry.events import Event

PATIENCE_S = 60.0  # on a busy machine a thread starts late
START = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)


class Sink:
    """Keeps messages. `answers` are given to the next messages instead of 250; `slow_s` delays each answer."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.tries = 0
        self.answers: list[str] = []
        self.refused: set[str] = set()
        self.slow_s = 0.0

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if address in self.refused:
            return "450 4.2.1 try later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.tries += 1
        if self.slow_s:
            await asyncio.sleep(self.slow_s)
        if self.answers:
            answer = self.answers.pop(0)
            if answer == "hang up":
                server.transport.close()
                return "421 gone"
            return answer
        self.messages.append(message_from_bytes(envelope.content, policy=modern))
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"


class MailServer:
    """A real SMTP server on a port of its own, which stays the same when it is stopped and started."""

    def __init__(self, port: int) -> None:
        self.sink = Sink()
        self.port = port
        self._running: Controller | None = None

    def start(self) -> None:
        self._running = Controller(self.sink, hostname="127.0.0.1", port=self.port, ready_timeout=PATIENCE_S)
        self._running.start()

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop()
        self._running = None


@pytest.fixture
def mail_server(free_port: int) -> Iterator[MailServer]:
    server = MailServer(free_port)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mailing(settings: Settings, mail_server: MailServer) -> Settings:
    """Settings that mail to the sink, and try again soon."""
    return Settings(
        **settings.model_dump()
        | {
            "smtp_host": "127.0.0.1",
            "smtp_port": mail_server.port,
            "smtp_security": "none",
            "mail_from": "Vigie <vigie@example.org>",
            "mail_to": ("marketing@example.org",),
            "mail_retry_s": 0.1,
            "public_url": "https://vigie.example.org/",
        }
    )


class Heard:
    """A telemetry sink that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def database(database_url: str):
    """A migrated database, once of each kind."""
    opened = Database(Settings(database_url=database_url).database_url)
    await asyncio.to_thread(migrate, opened.engine)
    opened.ready = True
    yield opened
    await opened.close()


class Reviewers:
    """People who judge, at times of their choosing: seconds after START."""

    def __init__(self, database: Database, policy: Policy) -> None:
        self.database = database
        self.book = AlertBook(database, policy)
        self._number = 0

    async def say(self, prediction: str, verdict: str, at_s: float, *, replayed: bool = False, **more) -> Entry:
        self._number += 1
        entry = Entry(
            **{
                "id": f"f{self._number}",
                "prediction_id": prediction,
                "received_at": START + timedelta(seconds=at_s),
                "verdict": verdict,
                "correction": "negative" if verdict == "wrong" else "positive",
                "text": f"tweet of {prediction}",
                "sentiment": "positive",
                "model_version": "7",
                "comment": None,
            }
            | more
        )

        def write(connection):
            kept, new = keep(connection, entry, replayed=replayed)
            if new:
                self.book.judge(connection, kept)
            return kept

        return await self.database.write(write)

    async def wrong(self, *predictions_at: tuple[str, float], **more) -> None:
        for prediction, at_s in predictions_at:
            await self.say(prediction, "wrong", at_s, **more)


@pytest.fixture
def reviewers(database: Database) -> Callable[..., Reviewers]:
    def make(**policy) -> Reviewers:
        return Reviewers(database, Policy(**policy))

    return make


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    """Wait in a plain test for what other processes bring about."""
    ends = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends, f"waited for {what} in vain"
        time.sleep(0.05)


@pytest.fixture(name="wait_for")
def _wait_for() -> Callable[..., None]:
    return wait_for
