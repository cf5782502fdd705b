"""`vigie data protocol`."""

from pathlib import Path
from typing import Annotated

import typer

from vigie_trainer.cli.options import Json
from vigie_trainer.cli.terminal import Terminal

EXAMPLES = (
    "Examples:  vigie data fetch && vigie data protocol folder  |  "
    "vigie data protocol folder --from corpora/trainingandtestdata.zip --more 400000 --seed 7"
)
MORE_ROWS = 250_000


def protocol(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to make, for VIGIE_DATA.")],
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FOLDER|ZIP",
            help="Where Sentiment140 is. Default: where `vigie data fetch` puts it.",
        ),
    ] = None,
    more: Annotated[
        int,
        typer.Option("--more", metavar="N", min=0, help="Further rows to draw for --protocol full."),
    ] = MORE_ROWS,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Another seed draws other rows.")] = 42,
    json_output: Json = False,
) -> None:
    """Make a folder of data like that of the published figures, from the fetched Sentiment140.

    It draws 16,000 rows uniformly, further rows that share no id and no text with them, and copies the manual test set.
    """
    from vigie_trainer.cli.session import read_settings
    from vigie_trainer.data.drawing import draw

    terminal = Terminal(json_output)
    with terminal.working("Sentiment140") as report:
        report("reading and drawing", 0.0)
        drawn = draw(source or read_settings().home / "data", folder, more=more, seed=seed)
    terminal.emit(
        {
            "folder": str(folder),
            "read": drawn.read,
            "sample": drawn.sample,
            "more": drawn.more,
            "manual_test": drawn.manual_test,
        }
    )
    terminal.result(
        f"{folder}: {drawn.sample:,} rows of {drawn.read:,}, {drawn.more:,} further ones, "
        f"{drawn.manual_test:,} that people labelled"
    )
    terminal.say(f"Next: VIGIE_DATA={folder} vigie train --all --protocol 16k")
