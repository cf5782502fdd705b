"""The commands `vigie-api forget` and `vigie-api retain`, as sentences or as one JSON document."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import typer

from vigie_api.database.engine import is_away, open_engine
from vigie_api.privacy.forget import Report, forget_author, forget_text
from vigie_api.privacy.keeper import pass_once
from vigie_api.privacy.retention import Sweep, policy_of
from vigie_api.privacy.unreachable import UNREACHABLE
from vigie_api.privacy.wanted import Wanted
from vigie_api.settings import Settings

STDIN: Final = "-"
_LONGEST_CHARS: Final = 10_000
_FAILED: Final = 1


class Misuse(Exception):  # noqa: N818 - reads as what happened
    """The command line asks for nothing that can be done; the message says what to do instead."""


def wanted_text(text: str | None, file: str | None, *, fragment: bool) -> Wanted:
    """What is to be forgotten, from an argument, a file or stdin. Raises Misuse."""
    try:
        if text == STDIN or file == STDIN:
            said = sys.stdin.buffer.read(4 * _LONGEST_CHARS + 1).decode("utf-8")
        elif file is not None:
            with Path(file).open("rb") as opened:
                said = opened.read(4 * _LONGEST_CHARS + 1).decode("utf-8-sig")
        else:
            said = text or ""
    except OSError as error:
        raise Misuse(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Misuse("the text is not UTF-8.") from error
    if len(said.strip()) > _LONGEST_CHARS:
        raise Misuse(f"the text has more than {_LONGEST_CHARS:,} characters, as no tweet has.")
    try:
        return Wanted(said, fragment)
    except ValueError as error:
        raise Misuse(f"{error}.") from error


def forget(settings: Settings, wanted: Wanted | str, *, dry_run: bool, yes: bool, as_json: bool, can_ask: bool) -> int:
    """Forget a text, or an author's posts; returns the exit code. Raises Misuse when there is nobody to ask."""

    def work(*, dry: bool) -> Report:
        if isinstance(wanted, Wanted):
            return forget_text(settings, wanted, dry_run=dry)
        return forget_author(settings, wanted, dry_run=dry)

    if not dry_run and not yes:
        if not can_ask:
            raise Misuse("add --yes (or --dry-run to see what would go): there is nobody to ask here.")
        first = work(dry=True)
        _show(first, as_json=False, err=True)
        if not first.found and not first.failures:
            dry_run = True  # nothing to ask about; what is shown below is whole
        elif not typer.confirm(f"Remove {first.found} for good?", err=True):
            return _FAILED
    report = work(dry=dry_run)
    _show(report, as_json=as_json)
    return _FAILED if report.failures else 0


def retain(settings: Settings, *, dry_run: bool, as_json: bool, now: datetime | None = None) -> int:
    """One pass of the retention, or what it would do; returns the exit code."""
    now = datetime.now(UTC) if now is None else now
    policy = policy_of(settings)
    if policy is None:
        raise Misuse("everything is kept: set VIGIE_API_RETENTION_DAYS first.")
    engine = open_engine(settings.database_url)
    try:
        if dry_run:
            with engine.connect().execution_options(vigie_read=True) as connection:
                done: Mapping[str, int] | None = Sweep(policy, dry_run=True).run(connection, now)
        else:
            done = pass_once(engine, Sweep(policy), now)
    except Exception as error:
        if not is_away(error):
            raise
        typer.echo("vigie-api: the database does not answer: check VIGIE_API_DATABASE_URL and that it runs.", err=True)
        return _FAILED
    finally:
        engine.dispose()
    if done is None:
        typer.echo("vigie-api: another process is sweeping at this moment.", err=True)
        return _FAILED
    rows = {table: count for table, count in sorted(done.items()) if count}
    if as_json:
        days = {
            name: None if age is None else age.days
            for name, age in (("texts", policy.texts), ("judged", policy.judged))
        }
        typer.echo(json.dumps({"dry_run": dry_run, "action": policy.action, "days": days, "rows": rows}))
        return 0
    verb = {"delete": "deleted", "anonymise": "anonymised"}[policy.action]
    for table, count in rows.items():
        typer.echo(f"{count:>9,}  {table}")
    typer.echo(f"{sum(rows.values()):,} rows {'would be ' if dry_run else ''}{verb}.")
    return 0


def _show(report: Report, *, as_json: bool, err: bool = False) -> None:
    document: dict[str, Any] = report.document()
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    for one in document["places"]:
        typer.echo(f"{one['count']:>9,}  {one['place']}", err=err)
    if not report.found:
        typer.echo("Nothing of it is left in the places that were looked at.", err=err)
    else:
        typer.echo(f"{report.found:,} {'would be removed' if report.dry_run else 'removed'}.", err=err)
    for note in report.notes:
        typer.echo(f"Note: {note}", err=err)
    for failure in report.failures:
        typer.echo(f"FAILED: {failure}", err=True)
    if not err:
        typer.echo("Not reached:")
        for place in UNREACHABLE:
            typer.echo(f"  - {place.place}: {place.why}. Until: {place.until}.")
