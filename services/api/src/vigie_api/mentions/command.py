"""The command `vigie-api ingest`."""

import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from vigie_api.mentions.csv_file import MentionFile
    from vigie_api.mentions.upload import Sent, Uploader

_FAILED, _MISUSE = 1, 2
_TELL_S = 5.0


def ingest(
    file: Annotated[str, typer.Argument(help="CSV file with a header, or .csv.gz; - is stdin.")],
    source: Annotated[
        str | None,
        typer.Option(help="Short name of where all posts are from: x, bluesky, forum …", show_default="csv"),
    ] = None,
    topic: Annotated[
        str | None, typer.Option(help="What all posts are about, such as a brand.", show_default="all")
    ] = None,
    topic_column: Annotated[
        str | None,
        typer.Option(help="Column of the topics, when they differ.", show_default="topic, brand, sujet, marque …"),
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(help="Column of the texts.", show_default="text, comment, tweet, texte, message …")
    ] = None,
    time_column: Annotated[
        str | None,
        typer.Option(help="Column of the times.", show_default="created_at, timestamp, date (and time, heure) …"),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(
            help="Column of the posts' ids at the source.", show_default="tweet_id, post_id …, or a digest of the row"
        ),
    ] = None,
    author_column: Annotated[
        str | None,
        typer.Option(help="Column of the authors; kept as a keyed hash.", show_default="author, user, auteur …"),
    ] = None,
    reach_column: Annotated[
        str | None, typer.Option(help="Column of the reach.", show_default="reach, audience, portée …")
    ] = None,
    url_column: Annotated[
        str | None, typer.Option(help="Column of the addresses.", show_default="url, link, lien …")
    ] = None,
    source_column: Annotated[
        str | None,
        typer.Option(help="Column of the sources, when they differ.", show_default="source, network, réseau …"),
    ] = None,
    timezone: Annotated[str, typer.Option(help="Of times that name none, such as Europe/Paris.")] = "UTC",
    api_url: Annotated[str, typer.Option(envvar="VIGIE_API_URL", help="Address of the API.")] = "http://127.0.0.1:8000",
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="VIGIE_API_KEY", help="Key with the scope ingest; prefer the variable.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A summary as one JSON document on stdout.")] = False,
) -> None:
    """Send the posts of a CSV file to a running API, which judges and watches them.

    A post that the API knows already counts as a duplicate and changes nothing: after Ctrl-C, or when in doubt, run the
    same command again. Columns with a usual English or French name are found; which ones were taken is told. With
    --topic or --source, the columns of those are only looked at when they are named. Rows that are no post are left out
    and told with their lines. Exit 0: everything that is a post is in; 1: the API did not take it all; 2: the file, an
    option or the key makes no sense.

    Examples:

      vigie-api ingest posts.csv --topic "Air Paradis"

      vigie-api ingest tweets.csv.gz --source x --topic-column airline --id-column tweet_id --author-column name

      zcat export.gz | vigie-api ingest - --time-column posted --timezone Europe/Paris --json
    """
    from vigie_api.mentions.csv_file import Mapping, MentionFile
    from vigie_api.mentions.upload import Uploader, UploadFailed
    from vigie_api.replay.command import zone_named
    from vigie_api.replay.errors import Misuse
    from vigie_api.replay.times import TimeReader

    columns = Mapping(
        text_column, time_column, topic_column, id_column, author_column, reach_column, url_column, source_column
    )
    failure: str | None = None
    code = 0
    try:
        _check(source, topic)
        with _on_disk(file) as path, _client(api_url, api_key) as client:
            posts = MentionFile(path, columns, TimeReader(zone_named(timezone)), source=source, topic=topic)
            typer.echo("columns: " + ", ".join(f"{what} = {name}" for what, name in posts.columns.items()), err=True)
            uploader = Uploader(client, posts.faults, sleep=_wait)
            try:
                _upload(uploader, posts)
            except UploadFailed as error:
                failure, code = str(error), _MISUSE if error.ours else _FAILED
            except KeyboardInterrupt:
                failure, code = "stopped.", _FAILED
    except Misuse as error:
        typer.echo(f"vigie-api ingest: {error}", err=True)
        raise typer.Exit(_MISUSE) from None
    if failure is None and not uploader.sent.total:
        failure, code = f"{posts.rows:,} rows, and no post in them.", _MISUSE
    _report(posts, uploader.sent, as_json=as_json, failure=failure)
    raise typer.Exit(code)


def _check(source: str | None, topic: str | None) -> None:
    from pydantic import TypeAdapter, ValidationError

    from vigie_api.mentions.schema import Source
    from vigie_api.replay.errors import Misuse
    from vigie_api.topic import RULE, Topic

    wanted: tuple[tuple[str, Any, str | None, str], ...] = (
        ("--source", Source, source, "up to 32 small letters, digits, dots, dashes and underscores"),
        ("--topic", Topic, topic, RULE),
    )
    for option, kind, value, rule in wanted:
        try:
            if value is not None:
                TypeAdapter(kind).validate_python(value)
        except ValidationError:
            raise Misuse(f"{option} takes {rule}.") from None


@contextmanager
def _on_disk(file: str) -> Iterator[Path]:
    """The file; stdin is first copied to the disk, for its head tells how to read the rest."""
    if file != "-":
        yield Path(file)
        return
    with tempfile.TemporaryDirectory(prefix="vigie-ingest-") as folder:
        copy = Path(folder) / "stdin"
        with copy.open("wb") as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
        yield copy


def _client(api_url: str, api_key: str | None) -> Any:
    import httpx

    from vigie_api.replay.errors import Misuse

    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", api_url):
        raise Misuse("--api-url is an address such as http://127.0.0.1:8000 or https://vigie.example.org/api.")
    headers = {} if not api_key else {"Authorization": f"Bearer {api_key}"}
    return httpx.Client(base_url=api_url.rstrip("/"), headers=headers)


def _wait(seconds: float) -> None:
    typer.echo(f"the API is busy or away; going on in {seconds:.0f} s", err=True)
    time.sleep(seconds)


def _upload(uploader: "Uploader", posts: "MentionFile") -> None:
    began = told = time.monotonic()
    for sent in uploader.send(posts):
        now = time.monotonic()
        if now - told >= _TELL_S:
            told = now
            rate = sent.total / (now - began)
            typer.echo(f"{posts.rows:,} rows read, {sent.accepted:,} accepted, {rate:,.0f} a second", err=True)


def _report(posts: "MentionFile", sent: "Sent", *, as_json: bool, failure: str | None) -> None:
    faults = posts.faults
    typer.echo(
        f"{posts.rows:,} rows: {sent.accepted:,} accepted, {sent.duplicates:,} known already, "
        f"{faults.total:,} left out.",
        err=True,
    )
    for one in faults.document():
        lines = ", ".join(map(str, one["lines"])) + (" …" if one["rows"] > len(one["lines"]) else "")
        typer.echo(f"  {one['rows']:,} {one['reason']}: line {lines}", err=True)
    if failure is not None:
        again = " Run the same command again: what is in is not taken twice." if sent.total else ""
        typer.echo(f"vigie-api ingest: {failure}{again}", err=True)
    if as_json:
        summary = {
            "columns": posts.columns,
            "rows": posts.rows,
            "accepted": sent.accepted,
            "duplicates": sent.duplicates,
            "left_out": faults.total,
            "faults": faults.document(),
            "complete": failure is None,
        }
        typer.echo(json.dumps(summary, ensure_ascii=False))
