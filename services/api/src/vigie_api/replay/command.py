"""The command `vigie-api replay`."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from vigie_api.replay.engine import NegativeOrNot
    from vigie_api.replay.judging import Judge, Model
    from vigie_api.replay.sorting import Sorter

_MISUSE = 2
_EVERY = 100_000


def replay(
    input: Annotated[Path, typer.Option(help="CSV file with a header, or .csv.gz.")],  # noqa: A002 - the option's name
    text_column: Annotated[
        str | None, typer.Option(help="Column of the texts.", show_default="text, comment or tweet")
    ] = None,
    time_column: Annotated[
        str | None,
        typer.Option(help="Column of the times.", show_default="created_at, time, date, timestamp or tweet_created"),
    ] = None,
    topic_column: Annotated[
        str | None, typer.Option(help="Column of the topics (brands).", show_default='one topic, "all"')
    ] = None,
    author_column: Annotated[
        str | None, typer.Option(help="Column of the authors: one counts once in six hours.", show_default="none")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Column of given labels.", show_default="the model judges")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Folder of a model's artifact.", show_default="the champion on disk")
    ] = None,
    rule: Annotated[str, typer.Option(help="vigie, or another tool's: meltwater, sigma, fixed, share.")] = "vigie",
    timezone: Annotated[str, typer.Option(help="Of times that name none, such as Europe/Paris.")] = "UTC",
    count_copies: Annotated[
        bool, typer.Option("--count-copies", help="Count near-copies and an author's further posts, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON an episode on stdout.")] = False,
) -> None:
    """Run history through the watch for surges, and print the episodes it would have opened.

    Times may have any usual form, and rows any order. Labels: 0/1, 0/4, 0/2/4, -1/0/1, or words in English or French.

    Examples:

      vigie-api replay --input tweets.csv

      vigie-api replay --input tweets.csv.gz --topic-column airline --author-column name --json

      vigie-api replay --input tweets.csv --label-column airline_sentiment --rule meltwater
    """
    from vigie_api.replay.engine import Replay, rule_named
    from vigie_api.replay.errors import Misuse
    from vigie_api.replay.judging import Judge
    from vigie_api.replay.reading import Columns, PostFile
    from vigie_api.replay.report import line, table
    from vigie_api.replay.sorting import Sorter
    from vigie_api.replay.times import TimeReader

    began = time.perf_counter()
    try:
        columns = Columns(text_column, time_column, topic_column, author_column, label_column)
        file = PostFile(input, columns, TimeReader(zone_named(timezone)))
        judge = Judge(file, _model(model) if label_column is None else None)
        run = Replay(rule_named(rule), count_copies=count_copies)
        with Sorter() as sorter:
            _read(judge, sorter)
            episodes = run.run(_judged(judge, sorter))
    except Misuse as error:
        typer.echo(f"vigie-api replay: {error}", err=True)
        raise typer.Exit(_MISUSE) from None
    took = time.perf_counter() - began
    topics = "1 topic" if len(run.topics) == 1 else f"{len(run.topics):,} topics"
    model_part = f", {judge.model_s / took:.0%} of it spent judging" if judge.model else ""
    typer.echo(
        f"{file.rows - file.unreadable:,} posts of {topics} in {took:.1f} s{model_part}; "
        f"{file.unreadable:,} rows without a time, a text or a label left out; {run.copies:,} copies not counted; "
        f"{len(episodes):,} episodes.",
        err=True,
    )
    if as_json:
        for found in episodes:
            typer.echo(line(found))
    else:
        typer.echo(table(episodes))


def zone_named(name: str) -> ZoneInfo:
    """The time zone of --timezone. Raises Misuse."""
    from vigie_api.replay.errors import Misuse

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise Misuse(f"--timezone {name!r} is not known: write for example Europe/Paris.") from error


def _model(folder: Path | None) -> "Model":
    from pydantic import ValidationError

    from vigie_api.replay.errors import Misuse
    from vigie_api.replay.judging import open_model
    from vigie_api.settings import Settings

    try:
        settings = Settings(host="127.0.0.1")
    except ValidationError as error:
        raise Misuse("a setting VIGIE_API_… makes no sense; `vigie-api serve` says which.") from error
    opened, name = open_model(folder, settings)
    typer.echo(f"judged by {name}", err=True)
    return opened


def _read(judge: "Judge", sorter: "Sorter") -> None:
    from vigie_api.replay.errors import Misuse

    told = 0
    for rows in judge.rows():
        sorter.add(rows)
        if judge.file.rows - told >= _EVERY:
            told = judge.file.rows
            typer.echo(f"{told:,} rows read", err=True)
    if judge.file.rows == judge.file.unreadable:
        raise Misuse(f"{judge.file.rows:,} rows and none with a time, a text and what else was asked for.")


def _judged(judge: "Judge", sorter: "Sorter") -> "Iterator[NegativeOrNot]":
    from vigie_api.replay.engine import NegativeOrNot

    negative = judge.negative
    for at_s, topic, label, text, author in sorter:
        yield NegativeOrNot(at_s, topic, negative[label], text, author)
