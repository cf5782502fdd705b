"""`vigie data fetch`, `clean`, `report` and `demo`; `protocol` is in a file of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vigie_trainer.cli.options import Data, Json, LabelColumn, Labels, TextColumn, read_options
from vigie_trainer.cli.terminal import Terminal
from vigie_trainer.errors import Interrupted, Misuse

if TYPE_CHECKING:
    from vigie_trainer.data.rows import Posts
    from vigie_trainer.settings import Settings

app = typer.Typer(
    help="Fetch, clean and look at labelled posts.",
    epilog="Example:  vigie data fetch && vigie data report --data var/data/training.1600000.processed.noemoticon.csv",
    no_args_is_help=True,
)

FETCH_EXAMPLES = "Examples:  vigie data fetch  |  vigie data fetch --out corpora --url http://mirror.example/file.zip"
CLEAN_EXAMPLES = (
    "Examples:  vigie data clean --data tweets.csv --out clean.csv  |  vigie data clean --data tweets.csv "
    "--out clean.csv --every-step"
)
REPORT_EXAMPLES = "Examples:  vigie data report --data tweets.csv.gz  |  vigie data report --out demo.html --no-log"
DEMO_EXAMPLES = "Examples:  vigie data demo demo.csv  |  vigie data demo demo.csv --json"

_KEPT_COLUMNS = ("id", "date", "language")


@app.command("fetch", epilog=FETCH_EXAMPLES)
def fetch(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Where to put it. Default: data in the home folder.")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="ADDRESS", help="Another place that has the same archive.")
    ] = None,
    json_output: Json = False,
) -> None:
    """Download Sentiment140 (1.6 million tweets, 81 MB) from Stanford, verify and unpack it.

    A download that was cut short goes on where it stopped.
    """
    from vigie_trainer.cli.session import read_settings
    from vigie_trainer.data.fetching import ARCHIVE, SENTIMENT140, URL, unpack
    from vigie_trainer.data.fetching import fetch as download

    terminal = Terminal(json_output)
    folder = out or read_settings().home / "data"
    archive = folder / ARCHIVE
    try:
        with terminal.working(ARCHIVE) as report:
            fresh = download(
                url or URL,
                archive,
                SENTIMENT140,
                progress=lambda size: report("downloading", size / SENTIMENT140.size),
            )
            report("unpacking", 1.0)
            paths = unpack(archive, folder)
    except Interrupted as interrupted:
        terminal.warn("Interrupted. What arrived is kept; the same command goes on from there.")
        raise typer.Exit(interrupted.exit_code) from None
    terminal.emit({"archive": str(archive), "files": [str(path) for path in paths], "downloaded": fresh})
    terminal.result("Downloaded and verified." if fresh else "It was there already, and is whole.")
    for path in paths:
        terminal.result(str(path))


@app.command("clean", epilog=CLEAN_EXAMPLES)
def clean(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="CSV to write: label, text, clean.")],
    data: Data = None,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="NAME", help="Clean as this recipe does.")
    ] = "tfidf_logreg",
    every_step: Annotated[
        bool,
        typer.Option("--every-step", help="Every step there is: also stop words and signs removed, and lemmas."),
    ] = False,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    labels: Labels = None,
    json_output: Json = False,
) -> None:
    """Export the posts as a model reads them, cleaned, with label, original text, and id, date and language if any."""
    from vigie_model import CleaningOptions
    from vigie_trainer.data.cleaning import write_cleaned
    from vigie_trainer.recipe import RecipeError, load_recipe

    terminal = Terminal(json_output)
    try:
        chosen = load_recipe(recipe)
    except RecipeError as error:
        raise Misuse(str(error)) from None
    cleaning = getattr(chosen, "cleaning", None)
    if cleaning is None:
        raise Misuse(f"the recipe {chosen.name} cleans nothing itself; name one of its members.")
    switches = cleaning.options()
    if every_step:
        switches = CleaningOptions(remove_special=True, remove_stop_words=True, lemmatise=True)
    posts = _posts(terminal, data, text_column, label_column, labels)
    with terminal.working(out.name) as report:
        empty = write_cleaned(posts, out, switches, progress=lambda share: report("cleaning", share))
    terminal.emit(
        {
            "out": str(out),
            "rows": len(posts.texts),
            "empty_once_clean": empty,
            "set_aside": posts.set_aside.counts,
            "bad_rows": posts.set_aside.bad,
        }
    )
    emptied = f" ({empty:,} are empty once cleaned)" if empty else ""
    terminal.result(f"{len(posts.texts):,} posts written to {out}{emptied}")


@app.command("report", epilog=REPORT_EXAMPLES)
def report(
    data: Data = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="HTML file to write.")] = Path("data_report.html"),
    no_log: Annotated[bool, typer.Option("--no-log", help="Do not record the report in MLflow.")] = False,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    labels: Labels = None,
    json_output: Json = False,
) -> None:
    """Write an exploratory report with pictures: balance, lengths, words, languages, repeated texts, dates."""
    from vigie_model import Cleaner, CleaningOptions, detect_language
    from vigie_trainer.cli.session import read_settings
    from vigie_trainer.data.exploration import explore
    from vigie_trainer.data.report import render
    from vigie_trainer.errors import Unavailable

    terminal = Terminal(json_output)
    settings = read_settings()
    posts = _posts(terminal, data, text_column, label_column, labels)
    cleaner = Cleaner(CleaningOptions(remove_special=True, remove_stop_words=True))
    with terminal.working("Report") as progress:
        seen = explore(posts, cleaner.tokens, detect_language, progress=progress)
        progress("pictures", 0.9)
        page = render(posts, seen)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"{out} cannot be written: {error.strerror or error}.") from None
    run_id = None if no_log else _log(settings, terminal, posts, page)
    terminal.emit(
        {
            "out": str(out),
            "run_id": run_id,
            "dataset": {"name": posts.name, "rows": len(posts.texts), "digest": posts.digest},
            "negative": seen.negative,
            "positive": seen.positive,
            "repeated_rows": seen.duplicates.rows,
            "set_aside": posts.set_aside.counts,
            "bad_rows": posts.set_aside.bad,
        }
    )
    terminal.result(f"Report on {len(posts.texts):,} posts written to {out}")


@app.command("demo", epilog=DEMO_EXAMPLES)
def demo(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="CSV to write: label, text, language.")],
    json_output: Json = False,
) -> None:
    """Write the built-in demo corpus (synthetic English and French posts about an airline) to a CSV."""
    from vigie_trainer.data.demo import write_demo

    terminal = Terminal(json_output)
    rows = write_demo(out)
    terminal.emit({"out": str(out), "rows": rows, "synthetic": True})
    terminal.result(f"{rows:,} synthetic posts written to {out}")


def _posts(
    terminal: Terminal, data: Path | None, text_column: str | None, label_column: str | None, labels: str | None
) -> "Posts":
    """The posts of the file, or the demo corpus.

    Raises:
        Misuse: the file cannot be used.
    """
    from vigie_trainer.cli.rows import read_file
    from vigie_trainer.data.demo import demo_posts

    options = read_options(text_column, label_column, labels, keep=_KEPT_COLUMNS)
    return demo_posts() if data is None else read_file(terminal, data, options)


def _log(settings: "Settings", terminal: Terminal, posts: "Posts", page: str) -> str:
    """Record the report as a run of its own; it waits on disk when MLflow is away.

    Raises:
        Unavailable: MLflow does not answer.
    """
    from vigie_trainer.cli.session import send_waiting
    from vigie_trainer.errors import VigieError
    from vigie_trainer.tracking.record import RunDraft
    from vigie_trainer.tracking.sending import send
    from vigie_trainer.tracking.store import connect

    draft = RunDraft(settings.pending, f"report on {posts.name}")
    (draft.files / "data_report.html").write_text(page, encoding="utf-8")
    dataset: dict[str, Any] = {
        "name": posts.name,
        "digest": posts.digest,
        "rows": len(posts.texts),
        "context": "report",
    }
    draft.record.tags = {
        "vigie.kind": "report",
        "vigie.dataset": posts.name,
        "vigie.data_digest": posts.digest,
        "vigie.synthetic": str(posts.synthetic).lower(),
    }
    draft.record.metrics = {
        "rows": float(len(posts.texts)),
        **{f"set_aside_{reason}": float(count) for reason, count in posts.set_aside.counts.items()},
    }
    draft.record.datasets = [dataset]
    run = draft.finish()
    try:
        store = connect(settings, say=terminal.say)
        run_id = send(store, run).run_id
        send_waiting(store, terminal)
    except VigieError as error:
        raise type(error)(f"{error} The report is written; its record waits in {settings.pending}.") from None
    return run_id
