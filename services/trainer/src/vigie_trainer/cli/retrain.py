"""`vigie retrain`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vigie_trainer.cli.options import Json
from vigie_trainer.cli.terminal import Terminal
from vigie_trainer.cli.training_session import TrainingSession
from vigie_trainer.errors import Interrupted, Misuse, VigieError

if TYPE_CHECKING:
    from vigie_trainer.gate.rules import Gate
    from vigie_trainer.identity import AnyRecipe
    from vigie_trainer.material import Material
    from vigie_trainer.retraining.corrections import Merged
    from vigie_trainer.settings import Settings
    from vigie_trainer.tracking.store import Store
    from vigie_trainer.tracking.versions import Version

EXAMPLES = (
    "Examples:  vigie retrain  |  vigie retrain --promote --json  |  vigie retrain --dry-run --since "
    "2026-11-01T00:00:00Z  |  vigie retrain tfidf_lgbm --data tweets.csv.gz --weight 5"
)
WEIGHT = 1.0  # more teaches a new domain faster, and costs up to half a point elsewhere (docs/retraining.md)
HELD_OUT_SHARE = 0.2
FEWEST_HELD_OUT = 10


def retrain(
    recipes: Annotated[
        list[str] | None, typer.Argument(metavar="RECIPE...", help="Recipes to train. Default: the champion's.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FILE|FOLDER",
            help="Rows to learn besides the corrections. Default: those that the champion learned.",
        ),
    ] = None,
    keep_out: Annotated[
        list[Path] | None,
        typer.Option("--test-set", metavar="FILE", help="Texts that must not be learned from; may be repeated."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Corrections received from then on (RFC 3339).")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Corrections received before then (RFC 3339).")
    ] = None,
    weight: Annotated[
        float,
        typer.Option(
            "--weight", metavar="N", min=0.1, max=100.0, help="Weight of a correction, any other row having 1."
        ),
    ] = WEIGHT,
    hold_out: Annotated[
        float,
        typer.Option(
            "--hold-out",
            metavar="SHARE",
            min=0.0,
            max=0.5,
            help=f"Share of the newest corrections, {FEWEST_HELD_OUT} or more, kept to check the model on.",
        ),
    ] = HELD_OUT_SHARE,
    promote: Annotated[
        bool, typer.Option("--promote", help="Make the new model champion when it passes the gate.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the version.")] = "",
    again: Annotated[
        bool, typer.Option("--again", help="Train although the same corrections, recipe and code were trained before.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and merge the corrections, tell what would be done, do nothing.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Learn from what people corrected: train the champion's recipe on its data and the corrections, and compare.

    The corrections come from the API (VIGIE_TRAINER_API_URL, VIGIE_TRAINER_API_KEY). The latest verdict on a text
    counts. The new model is put to the gate, its report logged with the run (gate/gate.html), and the version named
    challenger. Exit 1 when the gate says no.
    """
    from vigie_trainer.cli.session import open_store, read_settings
    from vigie_trainer.tracking.versions import CHAMPION, by_alias

    terminal = Terminal(json_output)
    settings = read_settings()
    store = open_store(settings, terminal)
    champion = by_alias(store, CHAMPION)
    if champion is None:
        raise VigieError("there is no champion to retrain yet: `vigie bootstrap` or `vigie promote VERSION` makes one.")
    chosen = _recipes(store, champion, recipes or [])
    verdicts = _pulled(terminal, settings, since, until)
    material, merged = _with_corrections(
        terminal,
        _material(terminal, store, champion, data, settings),
        champion,
        verdicts,
        _keys(keep_out or [], settings),
        weight,
        hold_out,
        since,
        until,
    )
    work = _Work(terminal, store, champion, merged.document())
    if material is None:
        work.tell("no correction can be learned from, so there is nothing to train")
        return
    work.corrections = dict(material.corrected.document) if material.corrected else work.corrections
    if dry_run:
        names = ", ".join(recipe.name for recipe in chosen)
        work.tell(f"dry run: {names} would be trained on {len(material.split.train.texts):,} rows", dry_run=True)
        return
    session = TrainingSession(settings, terminal, store)
    try:
        session.train_each(chosen, material, register=True, skip_known=not again)
    except Interrupted as interrupted:
        session.tell_interrupted([recipe.name for recipe in chosen])
        raise typer.Exit(interrupted.exit_code) from None
    if not session.rows:
        raise Misuse(f"{session.failed[0]['recipe']}: {session.failed[0]['error']}")
    if session.problem is not None:
        session.tell_results()
        raise typer.Exit(1)
    work.judge(session.rows, promote=promote, reason=reason or "vigie retrain")
    if work.gate is not None and not work.gate["passed"]:
        raise typer.Exit(1)


@dataclass
class _Work:
    """What the command has come to, and how it tells it."""

    terminal: Terminal
    store: "Store"
    champion: "Version"
    corrections: dict[str, Any]
    challenger: dict[str, Any] | None = None
    gate: dict[str, Any] | None = None
    promoted: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)

    def judge(self, rows: list[dict[str, Any]], *, promote: bool, reason: str) -> None:
        """Put the best of the runs to the gate, name it challenger, and promote it if that was asked for."""
        from vigie_trainer.promotion import candidate_of, put_to_gate, release
        from vigie_trainer.tracking.versions import gate_report, set_challenger

        self.rows = rows
        best = max(rows, key=lambda row: (row["metrics"]["accuracy"], row["metrics"]["roc_auc"] or 0.0))
        candidate = candidate_of(self.store, best["run_id"])
        self.challenger = candidate.document() | {"metrics": best["metrics"], "known": bool(best.get("skipped"))}
        if candidate.number == self.champion.number:
            self.gate = gate_report(self.store, candidate)
            self.tell(f"nothing new: the champion, version {candidate.number}, learned these corrections already")
            return
        if best.get("skipped") and not promote and "vigie.gate" in candidate.tags:
            self.gate = gate_report(self.store, candidate)
            self.tell(
                f"nothing new: version {candidate.number} learned these corrections already (vigie retrain --promote "
                "puts it to the gate and promotes it, --again trains once more)"
            )
            return
        gate = put_to_gate(self.store, candidate, self.champion, self.terminal.say)
        self.gate = gate.document()
        self._show(gate)
        if not any(check.name in ("loads", "digest") and check.passed is False for check in gate.checks):
            set_challenger(self.store, candidate)  # live traffic may tell more of it, whatever the gate says
        if promote and gate.passed:
            release(self.store, candidate, self.champion, reason)
            self.promoted = True
        self.tell(self._verdict(candidate, gate))

    def tell(self, sentence: str, **more: Any) -> None:
        """The document, or the last line for people."""
        self.terminal.emit(
            {
                "corrections": self.corrections,
                "champion": self.champion.document(),
                "challenger": self.challenger,
                "gate": self.gate,
                "promoted": self.promoted,
                "runs": self.rows,
                "outcome": sentence,
            }
            | more
        )
        self.terminal.result(sentence[:1].upper() + sentence[1:] + ".")

    def _show(self, gate: "Gate") -> None:
        marks = {True: "✓", False: "✗", None: "·"}
        for check in gate.checks:
            self.terminal.result(f"  {marks[check.passed]} {check.detail}")

    def _verdict(self, candidate: "Version", gate: "Gate") -> str:
        report = f"report: gate/gate.html of run {candidate.run_id}"
        if self.promoted:
            return f"champion is now version {candidate.number}; previous is version {self.champion.number} ({report})"
        if gate.passed:
            return (
                f"the gate passes version {candidate.number}, now challenger; to release it: "
                f"vigie promote {candidate.number} ({report})"
            )
        return (
            f"the gate refuses version {candidate.number}; the champion stays version {self.champion.number} ({report})"
        )


def _recipes(store: "Store", champion: "Version", names: list[str]) -> "list[AnyRecipe]":
    from vigie_trainer.recipe import RecipeError, load_recipe
    from vigie_trainer.retraining.champion import champion_recipe

    try:
        return [load_recipe(name) for name in names] or [champion_recipe(store, champion)]
    except RecipeError as error:
        raise Misuse(str(error)) from None


def _pulled(terminal: Terminal, settings: "Settings", since: str | None, until: str | None) -> list[dict[str, Any]]:
    from vigie_trainer.retraining.pulling import pull

    terminal.say(f"Reading corrections from {settings.api_url}")
    return pull(settings, since=since, until=until, say=terminal.say)


def _material(
    terminal: Terminal, store: "Store", champion: "Version", data: Path | None, settings: "Settings"
) -> "Material":
    """The rows that the champion learned from, or those of --data."""
    from vigie_trainer.cli.rows import read_source
    from vigie_trainer.retraining.champion import champion_source, champion_tags, check_unchanged

    tags = champion_tags(store, champion)
    material = read_source(terminal, champion_source(tags, champion, data, settings.data))
    if data is None:
        check_unchanged(tags, champion, material.posts.digest)
    elif material.split.test.digest != tags.get("vigie.heldout_digest"):
        terminal.warn("--data has other held-out rows than the champion's; the two are compared on those of --data.")
    return material


def _keys(files: list[Path], settings: "Settings") -> set[str]:
    """Keys of the texts of test sets: the files that were named, and those that the data folder is known to have."""
    from vigie_trainer.data.protocols import FRENCH, MANUAL_TEST
    from vigie_trainer.data.reading import read_texts
    from vigie_trainer.data.rows import text_key

    known = [settings.data / name for name in (MANUAL_TEST, FRENCH)] if settings.data is not None else []
    chosen = [*files, *(path for path in known if path.is_file())]
    return {text_key(text) for path in chosen for text in read_texts(path).texts}


def _with_corrections(
    terminal: Terminal,
    material: "Material",
    champion: "Version",
    verdicts: list[dict[str, Any]],
    kept_out: set[str],
    weight: float,
    hold_out: float,
    since: str | None,
    until: str | None,
) -> "tuple[Material | None, Merged]":
    """The rows with the corrections among them (None when there is nothing to learn), and what the corrections are."""
    from vigie_trainer.retraining.corrections import REASONS, by_time, merge
    from vigie_trainer.retraining.joining import joined, texts_kept_out

    merged = merge(verdicts, kept_out | texts_kept_out(material))
    terminal.say(f"{merged.pulled:,} verdicts read, {len(merged.corrections):,} texts to learn from")
    for reason, count in merged.set_aside.items():
        terminal.say(f"{count:,} set aside: {REASONS[reason]}")
    if merged.conflicts:
        terminal.warn(f"{len(merged.conflicts):,} texts were judged both ways; the latest verdict on each counts.")
    learned, held_out = by_time(merged.corrections, hold_out, FEWEST_HELD_OUT)
    if not learned:
        return None, merged
    if not held_out:
        terminal.say("Too few corrections to hold any out; all of them are learned from")
    material = joined(
        material, merged, learned, held_out, weight=weight, parent=champion.number, since=since, until=until
    )
    return material, merged
