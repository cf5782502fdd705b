"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vigie_trainer.data.reading import ReadOptions

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FILE",
        help="Sentiment140's own CSV, or any CSV or CSV.gz with a header. Without it: the built-in demo corpus.",
    ),
]
TextColumn = Annotated[
    str | None,
    typer.Option("--text-column", metavar="NAME", help="Column of the texts. Default: text, comment or tweet."),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(
        "--label-column",
        metavar="NAME",
        help="Column of the labels. Default: target, polarity, label or sentiment.",
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="NAMES",
        help="What the label values mean: negative,neutral,positive for 0, 1, 2; or 1=negative,5=positive. "
        "Default: 0/1, 0/4, 0/2/4, or the words in English or French.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, everything else on stderr.")]


def read_options(
    text_column: str | None, label_column: str | None, labels: str | None, *, keep: tuple[str, ...] = ()
) -> "ReadOptions":
    """What the person said about the file.

    Raises:
        Misuse: --labels makes no sense.
    """
    from vigie_trainer.data.labels import parse_labels_option
    from vigie_trainer.data.reading import ReadOptions

    if labels is not None:
        parse_labels_option(labels)
    return ReadOptions(text_column, label_column, labels, keep)
