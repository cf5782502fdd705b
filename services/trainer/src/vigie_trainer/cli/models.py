"""`vigie evaluate` and `predict`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vigie_trainer.cli.options import Json, LabelColumn, Labels, TextColumn, read_options
from vigie_trainer.cli.terminal import Terminal, number
from vigie_trainer.errors import Misuse, VigieError

if TYPE_CHECKING:
    from vigie_model import Model
    from vigie_trainer.models import Found

EVALUATE_EXAMPLES = (
    "Examples:  vigie evaluate --data tweets.csv  |  "
    "vigie evaluate --model models:/sentiment@champion --data testdata.manual.2009.06.14.csv --json"
)
PREDICT_EXAMPLES = (
    'Examples:  vigie predict "What a lovely flight!"  |  vigie predict --file posts.csv --json  |  '
    "vigie predict --model 3 --file posts.txt"
)

ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="champion, a version number, a run id, models:/sentiment@champion, runs:/<id>/model, or a folder.",
    ),
]


def evaluate(
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="Labelled posts, as for vigie train.")],
    model: ModelName = "champion",
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    labels: Labels = None,
    json_output: Json = False,
) -> None:
    """Measure a model on labelled posts; neutral and faulty rows are set aside and counted."""
    from vigie_trainer.cli.rows import read_file
    from vigie_trainer.scoring.metrics import confusion_matrix, metrics

    terminal = Terminal(json_output)
    options = read_options(text_column, label_column, labels)
    check_model_name(model)
    posts = read_file(terminal, data, options)
    found, loaded = _load(model, terminal)
    scores = _scores(terminal, loaded, posts.texts)
    measured = metrics(posts.labels, scores)
    matrix = confusion_matrix(posts.labels, scores)
    terminal.emit(
        {
            "model": {"uri": found.uri, "version": found.version, "recipe": loaded.recipe, "digest": loaded.digest},
            "data": {"name": posts.name, "digest": posts.digest},
            "rows": len(posts.texts) + posts.set_aside.total,
            "used": len(posts.texts),
            "set_aside": posts.set_aside.counts,
            "bad_rows": posts.set_aside.bad,
            "metrics": measured,
            "confusion_matrix": matrix,
        }
    )
    terminal.table(
        f"{loaded.recipe} ({found.uri}) on {len(posts.texts):,} rows of {posts.name}",
        [("metric", False), ("value", True)],
        [(name, str(value) if isinstance(value, int) else number(value)) for name, value in measured.items()],
    )
    terminal.table(
        "Confusion matrix",
        [("labelled", False), ("judged negative", True), ("judged positive", True)],
        [(name, *(f"{count:,}" for count in row)) for name, row in zip(("negative", "positive"), matrix, strict=True)],
    )


def predict(
    texts: Annotated[list[str] | None, typer.Argument(metavar="TEXT...", help="Posts to judge.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="FILE", help="A CSV or CSV.gz with a text column, or a .txt with a post a line."
        ),
    ] = None,
    model: ModelName = "champion",
    text_column: TextColumn = None,
    json_output: Json = False,
) -> None:
    """Judge posts: positive or negative, with the score P(positive)."""
    terminal = Terminal(json_output)
    if bool(texts) == (file is not None):
        raise Misuse('give either texts or --file, for example: vigie predict "What a lovely flight!"')
    check_model_name(model)
    set_aside: dict[str, list[int]] = {}
    if file is not None:
        from vigie_trainer.data.reading import read_texts
        from vigie_trainer.data.rows import REASONS

        posts = read_texts(file, read_options(text_column, None, None))
        terminal.bad_rows(posts.name, posts.set_aside.bad, REASONS)
        set_aside, chosen = posts.set_aside.bad, posts.texts
    else:
        chosen = [_usable(text) for text in texts or []]
    found, loaded = _load(model, terminal)
    terminal.say(f"Judged by {loaded.recipe} ({found.uri})")
    verdicts = loaded.predict(chosen)
    document: dict[str, Any] = {
        "predictions": [{"text": text, **one._asdict()} for text, one in zip(chosen, verdicts, strict=True)]
    }
    terminal.emit(document | {"set_aside": set_aside} if file is not None else document)
    if not json_output:
        for text, one in zip(chosen, verdicts, strict=True):
            doubt = "  (uncertain)" if one.uncertain else ""
            terminal.result(f"{one.sentiment}  {one.confidence:6.1%}  {' '.join(text.split())}{doubt}")


def _usable(text: str) -> str:
    """A text of the command line, if it can be judged.

    Raises:
        Misuse: it is blank, too long, or not valid text.
    """
    from vigie_trainer.data.reading import MAX_TEXT_CHARACTERS

    if not text.strip():
        raise Misuse("a text is empty; there is nothing to judge.")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise Misuse(f"a text has {len(text):,} characters; the limit is {MAX_TEXT_CHARACTERS:,}.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Misuse("a text has bytes that are not UTF-8.") from None
    return text


def check_model_name(model: str) -> None:
    """Refuse a name that cannot be one before reading a large file."""
    from vigie_trainer.models import check_name, local_artifact

    if local_artifact(model) is None:
        check_name(model)


def _load(model: str, terminal: Terminal) -> "tuple[Found, Model]":
    """Find and load a model.

    Raises:
        VigieError: it is not there, or is damaged.
    """
    import vigie_model
    from vigie_trainer.cli.session import open_store, read_settings
    from vigie_trainer.models import find_model

    settings = read_settings()
    found = find_model(model, settings, lambda: open_store(settings, terminal))
    try:
        return found, vigie_model.load(found.folder, threads=settings.threads)
    except vigie_model.ArtifactError as error:
        raise VigieError(f"the model {found.uri} cannot be loaded: {error}") from None


def _scores(terminal: Terminal, model: "Model", texts: list[str]) -> list[float]:
    """Scores in batches, with progress."""
    scores: list[float] = []
    batch = 2_000
    with terminal.working("Scoring") as report:
        for start in range(0, len(texts), batch):
            scores += model.score(texts[start : start + batch]).tolist()
            report(f"{len(texts):,} posts", len(scores) / len(texts))
    return scores
