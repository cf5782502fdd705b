"""The command `vigie-api`. Imports what a command needs only when it runs, so that --help is quick."""

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from vigie_api.mentions.command import ingest
from vigie_api.replay.command import replay

if TYPE_CHECKING:
    from vigie_api.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Vigie's inference API. Settings are environment variables VIGIE_API_…: see docs/settings.md.",
)
keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="API keys.")
app.add_typer(keys, name="keys")
mail = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="E-mails of alerts.")
app.add_typer(mail, name="mail")
connectors = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Live sources of mentions.")
app.add_typer(connectors, name="connectors")
app.command()(replay)
app.command()(ingest)
_MISUSE = 2


def _refuse(sentence: str, code: int = _MISUSE) -> NoReturn:
    typer.echo(f"vigie-api: {sentence}", err=True)
    raise typer.Exit(code)


def _settings(**overrides: Any) -> "Settings":
    """The settings, or one sentence for each that makes no sense, and exit 2."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from vigie_api.settings import Settings

    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        faults = []
        for fault in error.errors(include_input=False, include_url=False):
            # The second address of a list is a fault of the one variable that holds them all.
            parts = fault["loc"][:-1] if fault["loc"] and isinstance(fault["loc"][-1], int) else fault["loc"]
            place = "_".join(str(part) for part in parts).upper()
            message = fault["msg"].removeprefix("Value error, ")
            faults.append(f"VIGIE_API_{place}: {message}" if place else message)
        _refuse("; ".join(faults) + ".")
    except SettingsError as error:
        if '"connectors"' in str(error):
            _refuse(
                'VIGIE_API_CONNECTORS is not JSON. It is a list such as [{"name": "x", "kind": "x", "queries": {…}}].'
            )
        _refuse(
            'VIGIE_API_KEYS is not JSON. It is a list such as [{"name": "ui", "scopes": ["predict"], "sha256": "…"}].'
        )


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default="8000", min=0, max=65_535)] = None,
) -> None:
    """Serve the API until Ctrl-C or SIGTERM.

    Starts at once with the last good model on disk, and follows the champion alias in MLflow from then on.

    Examples:

      vigie-api serve

      vigie-api serve --port 8080

      VIGIE_API_KEYS='[…]' vigie-api serve --host 0.0.0.0
    """
    from vigie_api.app import create_app
    from vigie_api.database.single import serving_alone
    from vigie_api.server import CannotListen, listen
    from vigie_api.server import serve as run
    from vigie_api.telemetry.logs import configure_logs

    settings = _settings(host=host, port=port)
    configure_logs(settings.log_level)
    try:
        bound = listen(settings.host, settings.port)
    except CannotListen as error:
        _refuse(str(error))
    with serving_alone(settings.database_url) as alone:
        if not alone:
            _refuse("another vigie-api serves this SQLite file; several need Postgres, see VIGIE_API_DATABASE_URL.")
        run(create_app(settings), settings, bound)


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema. Safe to run from several places at once.

    Example:

      VIGIE_API_DATABASE_URL=postgresql://… vigie-api migrate
    """
    from vigie_api.database.engine import is_away, open_engine
    from vigie_api.database.migrate import migrate as run

    engine = open_engine(_settings().database_url)
    try:
        revision = run(engine)
    except Exception as error:
        if is_away(error):
            _refuse("the database does not answer: check VIGIE_API_DATABASE_URL and that it runs.", 1)
        raise
    finally:
        engine.dispose()
    typer.echo(f"The database is at revision {revision}.")


@app.command()
def openapi(
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("docs/openapi.json"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when the file is not current.")] = False,
) -> None:
    """Write the OpenAPI document.

    Examples:

      vigie-api openapi

      vigie-api openapi --check
    """
    from vigie_api.app import create_app
    from vigie_api.openapi import render

    current = render(create_app(_settings(host="127.0.0.1", root_path="", keys=())))
    if not check:
        out.write_text(current, encoding="utf-8")
        typer.echo(f"Wrote {out}.")
        return
    kept = out.read_text(encoding="utf-8") if out.exists() else ""
    if kept != current:
        lines = difflib.unified_diff(kept.splitlines(), current.splitlines(), str(out), "current", lineterm="", n=1)
        typer.echo("\n".join(list(lines)[:40]))
        _refuse(f"{out} is not current. Run `vigie-api openapi` and commit the file.", 1)
    typer.echo(f"{out} is current.")


@app.command()
def forget(
    text: Annotated[str | None, typer.Option(help="The text. It stays in the shell's history: prefer -.")] = None,
    text_file: Annotated[str | None, typer.Option(help="File that holds the text; - is stdin.")] = None,
    author: Annotated[str | None, typer.Option(help="Everything this person wrote, where authors are kept.")] = None,
    contains: Annotated[
        bool, typer.Option("--contains", help="Every text that holds it, not only equal ones.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing; show what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Remove a text from the database, the spool, and MLflow's tables and reports; say what could not be reached.

    Case, white space and the Unicode form of the text do not matter. Exit 1: a place failed, see the report.

    Examples:

      vigie-api forget --text-file - --dry-run

      vigie-api forget --text-file request-17.txt --yes --json

      vigie-api forget --text-file - --contains
    """
    from vigie_api.privacy import commands

    if sum(given is not None for given in (text, text_file, author)) != 1:
        _refuse("say what to forget with one of --text, --text-file and --author.")
    if contains and author is not None:
        _refuse("--contains is about texts: an author is found by the whole name.")
    settings = _settings()
    try:
        wanted = author if author is not None else commands.wanted_text(text, text_file, fragment=contains)
        can_ask = sys.stdin.isatty() and not as_json
        code = commands.forget(settings, wanted, dry_run=dry_run, yes=yes, as_json=as_json, can_ask=can_ask)
    except commands.Misuse as error:
        _refuse(str(error))
    raise typer.Exit(code)


@app.command()
def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing; show what would go.")] = False,
    days: Annotated[int | None, typer.Option(help="Instead of VIGIE_API_RETENTION_DAYS.", min=1, max=36_500)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Delete or anonymise now what is older than the retention settings allow. The API does so by itself every hour.

    Examples:

      vigie-api retain --dry-run

      vigie-api retain --dry-run --days 90
    """
    from vigie_api.privacy import commands

    try:
        code = commands.retain(_settings(retention_days=days), dry_run=dry_run, as_json=as_json)
    except commands.Misuse as error:
        _refuse(str(error))
    raise typer.Exit(code)


@keys.command("new")
def new_key(
    name: Annotated[str, typer.Argument(help="Who will use the key: letters, digits, dot, dash, underscore.")],
    scope: Annotated[list[str], typer.Option(help="What it may do: predict, ingest, review or admin. Repeatable.")],
) -> None:
    """Make a key: printed once, kept nowhere. The server gets the JSON entry, the client the key.

    Example:

      vigie-api keys new ui --scope predict --scope review
    """
    from pydantic import ValidationError

    from vigie_api.access import keys as ring

    try:
        secret, entry = ring.new_key(name, scope)  # type: ignore[arg-type] # the model refuses what is no scope
    except ValidationError as error:
        place = error.errors()[0]["loc"][0]
        if place == "name":
            _refuse("NAME may have 64 letters, digits, dots, dashes and underscores.")
        _refuse(f"--scope is one of {', '.join(sorted(ring.SCOPES))}.")
    typer.echo(f"key:   {secret}")
    typer.echo(f"entry: {entry}")
    typer.echo(
        "Give the key to its user; it is not shown again. Add the entry to the JSON list in VIGIE_API_KEYS.", err=True
    )


@mail.command("test")
def try_mail(
    to: Annotated[
        list[str] | None, typer.Option(help="Send it here instead of to VIGIE_API_MAIL_TO. Repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Send a trial e-mail with the settings that alerts use: exit 0 sent, 1 the server did not take it, 2 not set up.

    Examples:

      vigie-api mail test

      vigie-api mail test --json

      docker compose exec api vigie-api mail test --to me@example.org
    """
    import json

    from vigie_api.alerts.trial import NotSetUp, send_trial

    try:
        told = send_trial(_settings(), tuple(to or ()))
    except NotSetUp as error:
        _refuse(str(error))
    if as_json:
        typer.echo(json.dumps({"sent": told.sent, "message": told.sentence}, ensure_ascii=False))
    else:
        typer.echo(told.sentence if told.sent else f"vigie-api: {told.sentence}", err=not told.sent)
    raise typer.Exit(0 if told.sent else 1)


@connectors.command("test")
def try_connector(
    name: Annotated[str, typer.Argument(help="The connector's name in VIGIE_API_CONNECTORS.")],
    seconds: Annotated[float, typer.Option(help="How long to read at most.", min=1, max=600)] = 15.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Read a connector once and store nothing: exit 0 it works, 1 it does not, 2 not set up. X charges for the posts.

    Examples:

      vigie-api connectors test bluesky

      vigie-api connectors test x --json

      docker compose exec api vigie-api connectors test bluesky --seconds 60
    """
    import asyncio
    import json

    from vigie_api.connectors.trial import NotSetUp, named, try_out

    settings = _settings()
    try:
        options = named(settings, name)
    except NotSetUp as error:
        _refuse(str(error))
    told = asyncio.run(try_out(options, settings, seconds))
    if as_json:
        document = {"name": name, "source": options.kind, "works": told.works, "posts": told.posts}
        document |= {"malformed": told.malformed, "message": told.sentence}
        typer.echo(json.dumps(document, ensure_ascii=False))
    else:
        typer.echo(told.sentence if told.works else f"vigie-api: {told.sentence}", err=not told.works)
    raise typer.Exit(0 if told.works else 1)


def main() -> None:
    """Entry point of the console script."""
    app()
