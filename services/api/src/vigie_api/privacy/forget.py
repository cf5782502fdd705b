"""The use case: let a text be forgotten in every place that can be reached, and say what could not be.

API processes that run meanwhile may hold the text a moment longer: a prediction waits up to a second to be written, a
verdict is on its way from the spool to the database. So everything is looked at again, after a pause that is longer
than that, until there is nothing left.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Engine

from vigie_api.database.engine import is_away, open_engine
from vigie_api.privacy import rows, spool_files
from vigie_api.privacy.mlflow_files import Looked, MlflowAway, clean_folder, clean_mlflow
from vigie_api.privacy.places import POSTS, Posts
from vigie_api.privacy.unreachable import UNREACHABLE
from vigie_api.privacy.wanted import Wanted
from vigie_api.settings import Settings

SETTLE_S: Final = 3.0
_LOOKS: Final = 5


@dataclass
class Report:
    """What was found and removed (with `dry_run`, would be), by place; and what failed."""

    dry_run: bool
    places: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def found(self) -> int:
        """How many rows, cells, files' rows and tags in all."""
        return self.places.total()

    def document(self) -> dict[str, Any]:
        """For --json."""
        return {
            "dry_run": self.dry_run,
            "found": self.found,
            "removed": 0 if self.dry_run else self.found,
            "places": [{"place": place, "count": count} for place, count in sorted(self.places.items()) if count],
            "notes": self.notes,
            "failures": self.failures,
            "not_reached": [one.document() for one in UNREACHABLE],
        }


def forget_text(
    settings: Settings,
    wanted: Wanted,
    *,
    dry_run: bool,
    settle_s: float = SETTLE_S,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Remove a text from the spool, the database, unsent runs of the trainer on this disk, and MLflow.

    A place that is away is a failure in the report; the others are done all the same.
    """
    report = Report(dry_run)
    _in_service(settings, lambda engine: rows.find_text(engine, wanted), wanted, report, settle_s, sleep)
    # Unsent runs first: what is sent meanwhile is found in MLflow after.
    pending = settings.home / "trainer" / "pending"
    if pending.is_dir():
        _note(report, "unsent runs", clean_folder(pending, wanted, apply=not dry_run))
    try:
        _note(report, "MLflow", clean_mlflow(settings, wanted, apply=not dry_run))
    except MlflowAway as error:
        report.failures.append(
            f"{error}: error tables, reports and held-out rows may still hold the text. Run it again."
        )
    return report


def forget_author(
    settings: Settings,
    name: str,
    *,
    dry_run: bool,
    settle_s: float = SETTLE_S,
    sleep: Callable[[float], None] = time.sleep,
    tables: Collection[Posts] = POSTS,
) -> Report:
    """Remove every post of an author, where a hash of the author is kept. The name itself is kept nowhere."""
    report = Report(dry_run)
    if not rows.keeps_authors(settings, tables):
        report.notes.append(
            "Nothing is kept by author: without VIGIE_API_AUTHOR_SECRET no hash of one is made. Forget by text."
        )
        return report

    def find(engine: Engine) -> rows.Found:
        return rows.find_author(engine, settings, name, tables)

    _in_service(settings, find, None, report, settle_s, sleep)
    report.notes.append("MLflow's files know no authors: forget the texts there one by one, by text.")
    return report


def _in_service(
    settings: Settings,
    find: Callable[[Engine], rows.Found],
    wanted: Wanted | None,
    report: Report,
    settle_s: float,
    sleep: Callable[[float], None],
) -> None:
    engine = open_engine(settings.database_url)
    try:
        for look in range(_LOOKS):
            if look:
                sleep(settle_s)
            # The database first, for the spool may hold verdicts on its predictions; a verdict that is drained in
            # between is found by the next look.
            found = find(engine)
            seen = rows.count(engine, found) if report.dry_run else rows.remove(engine, found)
            seen["spool"] = _spool(settings, wanted, found, report)
            report.places.update({place if place == "spool" else f"database: {place}": n for place, n in seen.items()})
            if report.dry_run or (look and not seen.total()):
                return
        report.failures.append("The text keeps coming in: somebody sends it at this moment. Run it again later.")
    except Exception as error:
        if not is_away(error):
            raise
        report.failures.append("The database does not answer: check VIGIE_API_DATABASE_URL, and run it again.")
    finally:
        engine.dispose()


def _spool(settings: Settings, wanted: Wanted | None, found: rows.Found, report: Report) -> int:
    folder = settings.spool_dir
    if folder is None or not folder.is_dir():
        return 0
    try:
        changes = spool_files.find(folder, wanted, found.judged, datetime.now(UTC), found.authors)
        return len(changes) if report.dry_run else spool_files.apply(changes)
    except OSError as error:
        failure = f"The spool {folder} cannot be read or written: {error.strerror}."
        if failure not in report.failures:
            report.failures.append(failure)
        return 0


def _note(report: Report, where: str, looked: Looked) -> None:
    report.places.update({f"{where}: {place}": hits for place, hits in looked.hits.items()})
    report.failures += [f"{where}: {failure}" for failure in looked.failures]
    if looked.unsearched:
        report.notes.append(f"{where}: {looked.unsearched} files are of kinds that cannot be searched.")
