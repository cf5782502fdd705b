"""Finding and removing a text in the database: read in pages, removed in small transactions."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Column, Connection, Engine, delete, func, select, text, update

from vigie_api.feedback.table import feedback
from vigie_api.privacy.documents import without
from vigie_api.privacy.places import DOCUMENTS, POSTS, WORDS, Posts, key_of
from vigie_api.privacy.wanted import Wanted
from vigie_api.settings import Settings

T = TypeVar("T")
_PAGE: Final = 5_000
BATCH: Final = 250


@dataclass
class Found:
    """What the database holds of a text.

    Attributes:
        subjects: column -> values of it whose rows go.
        cells: column -> (key of the row, what its cell shall hold instead).
        authors: the hashes of the author whose posts go.
    """

    subjects: dict[Column[Any], set[Any]] = field(default_factory=dict)
    cells: dict[Column[Any], list[tuple[Any, Any]]] = field(default_factory=dict)
    authors: set[Any] = field(default_factory=set)

    @property
    def judged(self) -> set[Any]:
        """Ids of the predictions whose verdicts go, wherever they are."""
        return self.subjects.get(feedback.c.prediction_id, set())


def find_text(engine: Engine, wanted: Wanted) -> Found:
    """Look at every row. Raises what SQLAlchemy raises when the database is away."""
    found = Found()
    with engine.connect().execution_options(vigie_read=True) as connection:
        for posts in POSTS:
            held = (
                subject
                for _, subject, post in _pages(connection, posts.key, posts.subject, posts.text)
                if wanted.is_post(post)
            )
            _note(found, posts, held)
        for words in WORDS:
            pages = _pages(connection, words.key, words.column)
            found.cells[words.column] = [(key, words.instead) for key, said in pages if wanted.is_quoted(said)]
        for column in DOCUMENTS:
            changed = (
                (key, without(document, wanted)) for key, document in _pages(connection, key_of(column.table), column)
            )
            found.cells[column] = [(key, clean) for key, (clean, hits) in changed if hits]
    return found


def find_author(engine: Engine, settings: Settings, name: str, tables: Collection[Posts] = POSTS) -> Found:
    """Look for the posts of an author, in the tables that keep a hash of one."""
    found = Found()
    with engine.connect().execution_options(vigie_read=True) as connection:
        for posts in tables:
            for column, key in _authors(settings, name, (posts,)):
                found.authors.add(key)
                with connection.begin():
                    _note(found, posts, connection.scalars(select(posts.subject).where(column == key)))
    return found


def keeps_authors(settings: Settings, tables: Collection[Posts] = POSTS) -> bool:
    """Whether anything is kept of who wrote a post, with these settings."""
    return any(True for _ in _authors(settings, "", tables))


def _authors(settings: Settings, name: str, tables: Collection[Posts]) -> Iterator[tuple[Column[Any], Any]]:
    """Where authors are kept, and as what this one is."""
    for posts in tables:
        if posts.author is not None:
            column, hashing = posts.author
            hashed = hashing(settings)
            if hashed is not None:
                yield column, hashed(name)


def count(engine: Engine, found: Found) -> Counter[str]:
    """How many rows and cells it is, by table."""
    with engine.connect().execution_options(vigie_read=True) as connection, connection.begin():
        return _each(
            found,
            lambda column, values: (
                connection.scalar(select(func.count()).select_from(column.table).where(column.in_(values))) or 0
            ),
            lambda _column, cells: len(cells),
        )


def remove(engine: Engine, found: Found) -> Counter[str]:
    """Delete the rows and replace the cells, a few hundred in a transaction; returns how many, by table.

    What SQLite deletes is overwritten in its file and its log; Postgres is asked to vacuum the tables.
    """
    with engine.connect() as connection:
        discreet(connection)

        def rows(column: Column[Any], values: Sequence[Any]) -> int:
            with connection.begin():
                return connection.execute(delete(column.table).where(column.in_(values))).rowcount

        def cells(column: Column[Any], changes: Sequence[tuple[Any, Any]]) -> int:
            with connection.begin():
                for key, instead in changes:
                    here = key_of(column.table) == key
                    connection.execute(update(column.table).where(here).values({column.name: instead}))
            return len(changes)

        removed = _each(found, rows, cells)
    if removed.total():
        _clear_up(engine, {column.table.name for column in (*found.subjects, *found.cells)})
    return removed


def discreet(connection: Connection) -> None:
    """Let SQLite overwrite what this connection deletes."""
    if connection.dialect.name == "sqlite":
        _driver(connection).execute("PRAGMA secure_delete = ON")


def _clear_up(engine: Engine, tables: set[str]) -> None:
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            _driver(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        for name in sorted(tables):
            connection.execute(text(f'VACUUM "{name}"'))
        connection.execute(text("RESET statement_timeout"))


def _driver(connection: Connection) -> Any:
    """The driver's own connection: these pragmas are nothing to open a transaction for."""
    return connection.connection.driver_connection


def _note(found: Found, posts: Posts, subjects: Iterable[Any]) -> None:
    held = set(subjects)
    for column in posts.removed_by:
        found.subjects.setdefault(column, set()).update(held)


def _each(
    found: Found,
    rows: Callable[[Column[Any], Sequence[Any]], int],
    cells: Callable[[Column[Any], Sequence[tuple[Any, Any]]], int],
) -> Counter[str]:
    counted: Counter[str] = Counter()
    for column, changes in found.cells.items():  # first: some of these rows go afterwards
        counted[f"{column.table.name}.{column.name}"] += sum(cells(column, part) for part in batches(changes))
    for column, values in found.subjects.items():
        counted[column.table.name] += sum(rows(column, part) for part in batches(sorted(values)))
    return counted


def batches(values: Iterable[T]) -> Iterator[list[T]]:
    """The values, a few hundred at a time."""
    rest = iter(values)
    while part := list(islice(rest, BATCH)):
        yield part


def _pages(connection: Connection, key: Column[Any], *columns: Column[Any]) -> Iterator[Any]:
    """Rows (key, columns…) whose last column holds something, a page a transaction: no writer waits for a reader."""
    query = select(key, *(column.label(f"c{at}") for at, column in enumerate(columns))).order_by(key).limit(_PAGE)
    query = query.where(columns[-1].is_not(None))
    last = None
    while True:
        with connection.begin():
            rows = connection.execute(query if last is None else query.where(key > last)).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        last = rows[-1][0]
