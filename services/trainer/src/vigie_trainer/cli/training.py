"""`vigie train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vigie_trainer.cli.options import Json, LabelColumn, Labels, TextColumn, read_options
from vigie_trainer.cli.rows import read_material, read_protocol
from vigie_trainer.cli.terminal import Terminal
from vigie_trainer.cli.training_session import TrainingSession
from vigie_trainer.errors import Interrupted, Misuse

if TYPE_CHECKING:
    from vigie_trainer.identity import AnyRecipe
    from vigie_trainer.material import Material
    from vigie_trainer.settings import Settings

EXAMPLES = (
    "Examples:  vigie train tfidf_logreg  |  vigie train tfidf_logreg tfidf_lgbm --data tweets.csv.gz --register  |  "
    "vigie train my_recipe.yaml --data tweets.csv --sample 20000 --json  |  vigie train --all --protocol 16k"
)


def train(
    recipes: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECIPE...", help="Names of recipes (tfidf_logreg …), or YAML files."),
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all", help="Every recipe that comes with Vigie, cheap first; what is logged already is skipped."
        ),
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="With --all: train also what is logged already for the same rows and code.")
    ] = False,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            metavar="16k|full",
            help="Rows as the published table fixes them, from the folder VIGIE_DATA (or --data FOLDER).",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FILE|FOLDER",
            help="Sentiment140's own CSV, or any CSV or CSV.gz with a header; or the folder of a protocol. "
            "Without it: the built-in demo corpus.",
        ),
    ] = None,
    extra_data: Annotated[
        list[Path] | None,
        typer.Option("--extra-data", metavar="FILE", help="More rows for the train side only; may be repeated."),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration", metavar="FILE", help="Labelled rows that calibrate their own language and train nothing."
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="N", min=10, help="Use N rows of --data, chosen at random.")
    ] = None,
    register: Annotated[
        bool, typer.Option("--register", help="Make each model a version of the registered model.")
    ] = False,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    labels: Labels = None,
    json_output: Json = False,
) -> None:
    """Train recipes, score each once on the held-out fifth of the data, and record the runs in MLflow.

    Without --data the built-in demo corpus serves, and the runs are marked synthetic. When MLflow is away the results
    wait on disk (exit 1), and the next vigie command that reaches it sends them. --all goes on where it stopped.
    """
    from vigie_trainer.cli.session import read_settings

    terminal = Terminal(json_output)
    settings = read_settings()
    chosen = _chosen(recipes or [], every, again)
    options = read_options(text_column, label_column, labels)
    protocol, folder = _protocol(protocol, data, settings, every)
    if protocol is None:
        material = read_material(terminal, data, extra_data or [], sample, options, calibration, settings.data)
    else:
        others = {
            "--extra-data": extra_data,
            "--calibration": calibration,
            "--sample": sample,
            "--text-column": text_column,
            "--label-column": label_column,
            "--labels": labels,
        }
        material = _protocol_material(terminal, protocol, folder, others)
    session = TrainingSession(settings, terminal)
    try:
        session.train_each(chosen, material, register=register, skip_known=every and not again)
    except Interrupted as interrupted:
        session.tell_interrupted([recipe.name for recipe in chosen])
        raise typer.Exit(interrupted.exit_code) from None
    if len(chosen) == 1 and session.failed:
        raise Misuse(f"{session.failed[0]['recipe']}: {session.failed[0]['error']}")
    session.tell_results()
    if session.problem is not None or session.failed:
        raise typer.Exit(1)


def _chosen(names: list[str], every: bool, again: bool) -> "list[AnyRecipe]":
    """The recipes to train, in order.

    Raises:
        Misuse: no recipe, names together with --all, or a recipe that is unknown or unsound.
    """
    from vigie_trainer.recipe import RecipeError, load_recipe
    from vigie_trainer.training_order import shipped_recipes

    if every and names:
        raise Misuse("give either names of recipes or --all, not both.")
    if not every and not names:
        raise Misuse("Missing argument RECIPE...: name a recipe, for example tfidf_logreg, or give --all.")
    if again and not every:
        raise Misuse("--again goes with --all; recipes that are named are always trained.")
    try:
        return shipped_recipes() if every else [load_recipe(name) for name in names]
    except RecipeError as error:
        raise Misuse(str(error)) from None


def _protocol(
    protocol: str | None, data: Path | None, settings: "Settings", every: bool
) -> tuple[str | None, Path | None]:
    """The protocol, if any, and its folder: a folder of --data means the small protocol, and so does --all alone."""
    if protocol is None and ((data is not None and data.is_dir()) or (every and data is None and settings.data)):
        protocol = "16k"
    return protocol, data or settings.data


def _protocol_material(terminal: Terminal, protocol: str, folder: Path | None, others: dict[str, Any]) -> "Material":
    """The rows of a protocol.

    Raises:
        Misuse: the folder cannot serve, or an option would change what the protocol fixes.
    """
    from vigie_trainer.data.protocols import protocol_folder

    found = protocol_folder(protocol, folder)
    given = [name for name, value in others.items() if value]
    if given:
        raise Misuse(f"{given[0]} does not go with --protocol, which fixes the rows; give --data FILE instead.")
    terminal.say(f"Protocol {protocol}, from {found}")
    return read_protocol(terminal, protocol, found)
