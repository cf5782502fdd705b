"""Training one recipe after the other, and telling what became of each."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vigie_trainer.cli.terminal import Terminal, number
from vigie_trainer.errors import VigieError

if TYPE_CHECKING:
    from vigie_trainer.identity import AnyRecipe
    from vigie_trainer.material import Material
    from vigie_trainer.settings import Settings
    from vigie_trainer.tracking.record import PendingRun
    from vigie_trainer.tracking.store import Store


class TrainingSession:
    """Trains recipes; sends each run as soon as it is finished.

    Attributes:
        rows: the entries of --json, of what was trained and what was known already.
        failed: [{recipe, error}] of the recipes that could not be fitted.
        problem: why MLflow has not got everything; None when it has.
    """

    def __init__(self, settings: "Settings", terminal: Terminal, store: "Store | None" = None) -> None:
        self.settings = settings
        self.terminal = terminal
        self.rows: list[dict[str, Any]] = []
        self.failed: list[dict[str, str]] = []
        self.problem: VigieError | None = None
        self._store = store
        self._unsent: list[PendingRun] = []

    def train_each(self, recipes: "list[AnyRecipe]", material: "Material", *, register: bool, skip_known: bool) -> None:
        """Train recipes in order; one that cannot be fitted does not stop the others.

        Args:
            skip_known: leave out what is logged, or waits, for the same recipe, rows, code and encoders.
        """
        from vigie_trainer.fit import FitError

        start = time.monotonic()
        several = len(recipes) > 1
        for place, recipe in enumerate(recipes, 1):
            known = self._known(recipe, material) if skip_known else None
            if known is not None:
                self.rows.append(known)
                where = "waits to be sent" if known["pending"] else f"run {known['run_id']}"
                self.terminal.say(f"{place} of {len(recipes)}: {recipe.name} is there already ({where}), skipped")
                continue
            if several:
                self.terminal.say(
                    f"{place} of {len(recipes)}: {recipe.name} ({spent(time.monotonic() - start)} so far)"
                )
            try:
                self.train(recipe, material, register=register)
            except FitError as error:
                self.failed.append({"recipe": recipe.name, "error": str(error)})
                self.terminal.warn(f"{recipe.name}: {error}")
        if several:
            self.terminal.say(f"Done in {spent(time.monotonic() - start)}")

    def train(self, recipe: "AnyRecipe", material: "Material", *, register: bool) -> dict[str, Any]:
        """Train one recipe and return its row; the row has no run id while MLflow is away.

        Raises:
            FitError: it cannot be fitted on these rows, or here.
        """
        from vigie_trainer import training

        self._open()
        with self.terminal.working(recipe.name) as report:
            run = training.train(recipe, material, self.settings, register=register, report=report)
        row = run.record.row | {"pending": True}
        self.rows.append(row)
        self._unsent.append(run)
        self._send(run, row)
        return row

    def tell_results(self) -> None:
        """The table or the document, what failed, and what waits."""
        self.terminal.emit(self._document())
        if self.rows:
            show_runs(self.terminal, self.rows, "Runs of this command")
        for one in self.failed:
            self.terminal.warn(f"Not trained: {one['recipe']}: {one['error']}")
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
        undone = names[len(self.rows) + len(self.failed) :]
        lost = f" Not finished, nothing kept: {', '.join(undone)}." if undone else ""
        self.terminal.emit(self._document() | {"interrupted": True})
        self.terminal.warn(f"Interrupted. Kept: {kept}.{lost}")

    def _document(self) -> dict[str, Any]:
        return {"runs": self.rows} | ({"failed": self.failed} if self.failed else {})

    def _known(self, recipe: "AnyRecipe", material: "Material") -> dict[str, Any] | None:
        """The row of a run that makes this training needless."""
        from vigie_trainer.identity import identity
        from vigie_trainer.resuming import known_run

        self._open()
        wanted = identity(recipe, material, self.settings)
        try:
            return known_run(self._store, self.settings.pending, wanted)
        except VigieError as error:
            self._lose(error)
            return known_run(None, self.settings.pending, wanted)

    def _open(self) -> None:
        from vigie_trainer.cli.session import open_store

        if self._store is not None or self.problem is not None:
            return
        try:
            self._store = open_store(self.settings, self.terminal)
        except VigieError as error:
            self._lose(error)
            self.terminal.warn("Training goes on; its results are kept on disk.")

    def _send(self, run: "PendingRun", row: dict[str, Any]) -> None:
        from vigie_trainer.tracking.sending import send

        if self._store is None:
            return
        try:
            sent = send(self._store, run)
        except VigieError as error:
            self._lose(error)
            return
        row.update(run_id=sent.run_id, version=sent.version, pending=False)
        self._unsent.remove(run)

    def _lose(self, error: VigieError) -> None:
        """MLflow is away: from here on results stay on disk."""
        self.problem, self._store = error, None
        self.terminal.warn(str(error))


def spent(seconds: float) -> str:
    """A time for people: 42 s, 3 min 20 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def show_runs(terminal: Terminal, rows: list[dict[str, Any]], title: str) -> None:
    """A table of runs."""
    cells: dict[str, tuple[bool, Callable[[dict[str, Any]], str]]] = {
        "recipe": (False, lambda row: str(row["recipe"])),
        "accuracy": (True, lambda row: number(row["metrics"]["accuracy"])),
        "95 %": (True, _interval),
        "ROC AUC": (True, lambda row: number(row["metrics"]["roc_auc"])),
        "F1 macro": (True, lambda row: number(row["metrics"]["f1_macro"])),
        "log loss": (True, lambda row: number(row["metrics"]["log_loss"])),
        "ECE": (True, lambda row: number(row["metrics"]["ece"])),
        "encode s": (True, lambda row: number(row.get("encode_s"), 1)),
        "fit s": (True, lambda row: number(row["fit_s"], 2)),
        "ms a text": (True, lambda row: number((row.get("latency_ms") or {}).get("median"), 2)),
        "size MB": (True, lambda row: number(row["artifact_mb"], 1)),
        "version": (True, lambda row: " ".join([row["version"] or "–", *row.get("aliases", [])])),
        "run": (False, lambda row: row["run_id"] or "waiting"),
    }
    if terminal.narrow:  # the figures that choose a model stay; --json has all of them
        for heading in ("95 %", "F1 macro", "log loss", "ECE", "encode s", "size MB"):
            del cells[heading]
    columns = [(heading, numeric) for heading, (numeric, _) in cells.items()]
    terminal.table(title, columns, [[show(row) for _, show in cells.values()] for row in rows])


def _interval(row: dict[str, Any]) -> str:
    low, high = row["metrics"].get("accuracy_low"), row["metrics"].get("accuracy_high")
    return "–" if low is None or high is None else f"{low:.3f}–{high:.3f}"
