"""A simulated airline whose posts come in as the scorer leaves them, and a watch driven by a clock of its own."""

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from vigie_api.alerts.book import AlertBook
from vigie_api.alerts.rule import Policy
from vigie_api.database.engine import Database
from vigie_api.database.migrate import migrate
from vigie_api.episodes.table import episodes, watch_topics
from vigie_api.episodes.watcher import Done, Watcher
from vigie_api.mentions.table import Stage, mentions
from vigie_api.prediction.ids import IdSource
from vigie_api.prediction.table import predictions
from vigie_api.settings import Settings

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
GOOD = "Merci à l'équipage du vol {n}, {word} accueil parfait et {other} ponctuel comme toujours"
BAD = "Encore {word} attente au comptoir, personne pour {other} répondre au guichet numéro {n}"
SURGE = "Bagages perdus à Lisbonne, {word} aucune réponse de la compagnie {other} depuis {n} heures"
BEGINNINGS = ("ba", "lo", "mi", "ra", "tu", "vé", "zo")
ENDINGS = ("nane", "tique", "rade", "lune", "ment")
WORDS = [beginning + ending for beginning in BEGINNINGS for ending in ENDINGS]


@dataclass(frozen=True)
class Post:
    """A judged post, as a test writes it."""

    at: datetime
    negative: bool
    text: str
    topic: str = "Air Paradis"
    author: int | None = None
    source: str = "x"
    reach: int | None = None


def said(form: str, chance: random.Random) -> str:
    """One of many texts of a kind, no two near-copies."""
    words = [chance.choice(WORDS) for _ in range(11)]
    middle = form.format(word=words[4], other=words[5], n=chance.randint(1, 99))
    return f"{' '.join(words[:4])} {middle} {' '.join(words[6:])}"


def week(
    *,
    days: float = 3.25,
    an_hour: float = 24.0,
    surge: tuple[float, float, float] | None = (2.5, 60.0, 4.0),
    crowd: tuple[float, float, float] | None = None,
    topic: str = "Air Paradis",
    seed: int = 5,
) -> list[Post]:
    """Posts about an airline, oldest first. `surge`: its day, further negatives an hour, hours; `crowd`: happy ones."""
    chance = random.Random(seed)
    posts = []
    for hour in range(int(24 * days)):
        at = MONDAY + timedelta(hours=hour)
        rate = an_hour * (0.4 if hour % 24 < 6 else 1.2)
        for _ in range(round(rate * chance.uniform(0.8, 1.2))):
            negative = chance.random() < 0.3
            text = said(BAD if negative else GOOD, chance)
            posts.append(Post(at + timedelta(seconds=chance.uniform(0, 3_600)), negative, text, topic))
    for event, negative in ((surge, True), (crowd, False)):
        if event is not None:
            begin, rate, hours = event
            for _ in range(round(rate * hours)):
                at = MONDAY + timedelta(days=begin, hours=chance.triangular(0, hours, hours / 2))
                posts.append(Post(at, negative, said(SURGE if negative else GOOD, chance), topic, reach=100))
    return sorted(posts, key=lambda post: post.at)


@pytest.fixture(scope="session")
def simulate() -> Callable[..., list[Post]]:
    return week


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database, once of each kind."""
    opened = Database(Settings(database_url=database_url).database_url)
    migrate(opened.engine)
    opened.ready = True
    yield opened
    asyncio.run(opened.close())


def write(connection: Connection, posts: Iterable[Post], received_at: datetime | None = None, first: int = 0) -> None:
    """Write posts as the scorer leaves them."""
    ids, rows, judged = IdSource(), [], []
    for number, post in enumerate(posts, first):
        post_id = ids.next()
        sentiment = "negative" if post.negative else "positive"
        rows.append(
            {
                "id": post_id,
                "source": post.source,
                "external_id": f"{post.topic}-{number}-{post_id}",
                "topic": post.topic,
                "created_at": post.at,
                "received_at": received_at or post.at,
                "author_key": post.author,
                "reach": post.reach,
                "stage": int(Stage.SCORED),
                "sentiment": sentiment,
                "language": "fr",
            }
        )
        judged.append(
            {
                "id": post_id,
                "created_at": received_at or post.at,
                "text": post.text,
                "sentiment": sentiment,
                "score": 0.1 if post.negative else 0.9,
                "uncertain": False,
                "language": "fr",
                "model_version": "3",
                "recipe": "tiny",
                "topic": post.topic,
            }
        )
    if rows:
        connection.execute(insert(predictions), judged)
        connection.execute(insert(mentions), rows)


@dataclass
class Live:
    """A database with the watch on it. Time goes on as `until` says: a step every half hour."""

    database: Database
    mail_domain: str | None = None
    now: datetime = MONDAY
    done: list[Done] = field(default_factory=list)
    step_minutes: float = 30.0
    restart: bool = False
    """Start each step with a watcher that remembers nothing."""

    def __post_init__(self) -> None:
        self.watcher = self._new()

    def _new(self) -> Watcher:
        return Watcher(AlertBook(self.database, Policy(), mail_domain=self.mail_domain))

    def step(self) -> Done:
        """Take steps until nothing waits."""
        while True:
            if self.restart:
                self.watcher = self._new()
            with self.database.engine.connect() as connection, connection.begin():
                self.done.append(self.watcher.step(connection, self.now))
            if not self.done[-1].more:
                return self.done[-1]

    def write(self, posts: Iterable[Post], received_at: datetime | None = None) -> None:
        """Let posts come in, judged already."""
        with self.database.engine.connect() as connection, connection.begin():
            write(connection, posts, received_at)

    def play(self, posts: Sequence[Post], until: datetime | None = None) -> None:
        """Let posts come in at their own times, and the watch take its steps."""
        ends = until or posts[-1].at + timedelta(hours=3)
        place = 0
        while self.now < ends:
            self.now += timedelta(minutes=self.step_minutes)
            start = place
            while place < len(posts) and posts[place].at <= self.now:
                place += 1
            self.write(posts[start:place])
            self.step()

    def episodes(self) -> list[dict[str, Any]]:
        """The stored episodes, by opening."""
        with self.database.engine.connect() as connection:
            query = select(episodes).order_by(episodes.c.opened_at, episodes.c.topic)
            return [dict(row) for row in connection.execute(query).mappings()]

    def rows(self, table: Any) -> list[dict[str, Any]]:
        """All rows of a table."""
        with self.database.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def topic(self, name: str = "Air Paradis") -> dict[str, Any]:
        """What is stored of a topic."""
        return next(row for row in self.rows(watch_topics) if row["topic"] == name)


@pytest.fixture
def live(database: Database) -> Live:
    return Live(database)


@pytest.fixture(scope="session")
def make_live() -> type[Live]:
    return Live


@pytest.fixture
def post() -> type[Post]:
    return Post
