"""`vigie train`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vigie_trainer.cli.options import Data, Json, LabelColumn, Labels, TextColumn, read_options
from vigie_trainer.cli.terminal import Terminal, number
from vigie_trainer.errors import Interrupted, Misuse, VigieError

if TYPE_CHECKING:
    from vigie_trainer.data.reading import ReadOptions
    from vigie_trainer.data.rows import Posts
    from vigie_trainer.material import Material
    from vigie_trainer.recipe import Recipe
    from vigie_trainer.settings import Settings
    from vigie_trainer.tracking.record import PendingRun
    from vigie_trainer.tracking.store import Store

EXAMPLES = (
    "Examples:  vigie train tfidf_logreg  |  vigie train tfidf_logreg tfidf_lgbm --data tweets.csv.gz --register  |  "
    "vigie train my_recipe.yaml --data tweets.csv --sample 20000 --json"
)


def train(
    recipes: Annotated[
        list[str], typer.Argument(metavar="RECIPE...", help="Names of recipes (tfidf_logreg …), or YAML files.")
    ],
    data: Data = None,
    extra_data: Annotated[
        list[Path] | None,
        typer.Option("--extra-data", metavar="FILE", help="More rows for the train side only; may be repeated."),
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
    wait on disk (exit 1), and the next vigie command that reaches it sends them.
    """
    from vigie_trainer.cli.session import read_settings

    terminal = Terminal(json_output)
    settings = read_settings()
    chosen = [_recipe(name) for name in recipes]
    options = read_options(text_column, label_column, labels)
    material = read_material(terminal, data, extra_data or [], sample, options)
    session = TrainingSession(settings, terminal)
    try:
        for recipe in chosen:
            session.train(recipe, material, register=register)
    except Interrupted as interrupted:
        session.tell_interrupted([recipe.name for recipe in chosen])
        raise typer.Exit(interrupted.exit_code) from None
    session.tell_results()
    if session.problem is not None:
        raise typer.Exit(1)


class TrainingSession:
    """Trains one recipe after the other; sends each run as soon as it is finished."""

    def __init__(self, settings: "Settings", terminal: Terminal, store: "Store | None" = None) -> None:
        self.settings = settings
        self.terminal = terminal
        self.rows: list[dict[str, Any]] = []
        self.problem: VigieError | None = None
        self._store = store
        self._unsent: list[PendingRun] = []

    def train(self, recipe: "Recipe", material: "Material", *, register: bool) -> dict[str, Any]:
        """Train one recipe and return its row; the row has no run id while MLflow is away."""
        from vigie_trainer.fit import FitError
        from vigie_trainer.training import train

        if self._store is None and self.problem is None:
            self._open()
        with self.terminal.working(recipe.name) as report:
            try:
                run = train(recipe, material, self.settings, register=register, report=report)
            except FitError as error:
                raise Misuse(f"{recipe.name}: {error}") from None
        row = run.record.row | {"pending": True}
        self.rows.append(row)
        self._unsent.append(run)
        self._send(run, row)
        return row

    def tell_results(self) -> None:
        """The table or the document, and what waits."""
        self.terminal.emit({"runs": self.rows})
        show_runs(self.terminal, self.rows, "Runs of this command")
        if self.problem is not None:
            waiting = len(self._unsent)
            self.terminal.warn(
                f"{self.problem} {waiting} finished run{'s wait' if waiting > 1 else ' waits'} in "
                f"{self.settings.pending}; the next vigie command that reaches MLflow sends what waits."
            )
            return
        registered = [row["version"] for row in self.rows if row["version"]]
        if registered:
            self.terminal.say(f"To release one: vigie promote {registered[-1]}")

    def tell_interrupted(self, names: list[str]) -> None:
        """What is kept, and what is not, after Ctrl-C."""
        waiting = {run.record.key for run in self._unsent}
        sent = [row["recipe"] for row in self.rows if not row["pending"]]
        kept = f"in MLflow: {', '.join(sent)}" if sent else "nothing in MLflow yet"
        if waiting:
            kept += f"; {len(waiting)} finished, in {self.settings.pending}, sent by the next vigie command"
        undone = names[len(self.rows) :]
        lost = f" Not finished, nothing kept: {', '.join(undone)}." if undone else ""
        self.terminal.emit({"runs": self.rows, "interrupted": True})
        self.terminal.warn(f"Interrupted. Kept: {kept}.{lost}")

    def _open(self) -> None:
        from vigie_trainer.cli.session import open_store

        try:
            self._store = open_store(self.settings, self.terminal)
        except VigieError as error:
            self.problem = error
            self.terminal.warn(f"{error} Training goes on; its results are kept on disk.")

    def _send(self, run: "PendingRun", row: dict[str, Any]) -> None:
        from vigie_trainer.tracking.sending import send

        if self._store is None:
            return
        try:
            sent = send(self._store, run)
        except VigieError as error:
            self.problem, self._store = error, None
            self.terminal.warn(str(error))
            return
        row.update(run_id=sent.run_id, version=sent.version, pending=False)
        self._unsent.remove(run)


def read_material(
    terminal: Terminal, data: Path | None, extra: list[Path], sample: int | None, options: "ReadOptions"
) -> "Material":
    """Read and split what is to be trained on, and tell what was set aside.

    Raises:
        Misuse: a file that cannot be used.
    """
    from vigie_trainer.data.demo import demo_posts
    from vigie_trainer.data.splitting import sample as take
    from vigie_trainer.data.splitting import split
    from vigie_trainer.material import Material

    if data is None:
        posts = demo_posts()
        terminal.say(f"No --data: the built-in demo corpus serves ({len(posts.texts):,} synthetic posts)")
    else:
        posts = read_file(terminal, data, options)
    more = [read_file(terminal, path, options) for path in extra]
    rows = len(posts.texts)
    if sample is not None:
        posts = take(posts, sample)
    sides = split(posts, more)
    removed = sides.duplicates_removed + sides.extra_duplicates
    also = f"; {removed:,} left out of training because their text is held out" if removed else ""
    terminal.say(f"{len(sides.train.texts):,} rows to train on, {len(sides.test.texts):,} held out{also}")
    return Material(posts, more, sides, rows)


def read_file(terminal: Terminal, path: Path, options: "ReadOptions") -> "Posts":
    """Read one labelled file with progress, and tell its faulty rows.

    Raises:
        Misuse: the file cannot be used.
    """
    from vigie_trainer.data.reading import read_labelled
    from vigie_trainer.data.rows import REASONS

    with terminal.working(path.name) as report:
        posts = read_labelled(path, options, progress=lambda share: report("reading", share))
    terminal.bad_rows(path.name, posts.set_aside.bad, REASONS)
    if neutral := posts.set_aside.counts.get("neutral"):
        terminal.say(f"{path.name}: {neutral:,} neutral rows set aside")
    return posts


def show_runs(terminal: Terminal, rows: list[dict[str, Any]], title: str) -> None:
    """A table of runs."""
    cells: dict[str, tuple[bool, Callable[[dict[str, Any]], str]]] = {
        "recipe": (False, lambda row: str(row["recipe"])),
        "accuracy": (True, lambda row: number(row["metrics"]["accuracy"])),
        "ROC AUC": (True, lambda row: number(row["metrics"]["roc_auc"])),
        "F1 macro": (True, lambda row: number(row["metrics"]["f1_macro"])),
        "log loss": (True, lambda row: number(row["metrics"]["log_loss"])),
        "ECE": (True, lambda row: number(row["metrics"]["ece"])),
        "fit s": (True, lambda row: number(row["fit_s"], 2)),
        "size MB": (True, lambda row: number(row["artifact_mb"], 1)),
        "version": (True, lambda row: " ".join([row["version"] or "–", *row.get("aliases", [])])),
        "run": (False, lambda row: row["run_id"] or "waiting"),
    }
    if terminal.narrow:  # the figures that choose a model stay; --json has all of them
        for heading in ("F1 macro", "log loss", "ECE", "size MB"):
            del cells[heading]
    columns = [(heading, numeric) for heading, (numeric, _) in cells.items()]
    terminal.table(title, columns, [[show(row) for _, show in cells.values()] for row in rows])


def _recipe(name: str) -> "Recipe":
    from vigie_trainer.recipe import RecipeError, load_recipe

    try:
        return load_recipe(name)
    except RecipeError as error:
        raise Misuse(str(error)) from None
