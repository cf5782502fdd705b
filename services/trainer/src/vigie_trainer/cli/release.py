"""`vigie promote`, `rollback` and `bootstrap`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from vigie_trainer.cli.options import Data, Json
from vigie_trainer.cli.terminal import Terminal

if TYPE_CHECKING:
    from vigie_trainer.promotion import Outcome

PROMOTE_EXAMPLES = (
    'Examples:  vigie promote 3 --reason "trained on October"  |  vigie promote <run id>  |  vigie promote 3 --check'
)
ROLLBACK_EXAMPLES = 'Examples:  vigie rollback  |  vigie rollback --reason "too many false alarms" --json'
BOOTSTRAP_EXAMPLES = "Examples:  vigie bootstrap  |  vigie bootstrap --wait 300 --json"

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the version.")]


def promote(
    model: Annotated[
        str, typer.Argument(metavar="VERSION|RUN", help="Number of a version, or id of a run (registered on the way).")
    ],
    reason: Reason = "",
    check: Annotated[bool, typer.Option("--check", help="Run and record the gate, but move nothing.")] = False,
    json_output: Json = False,
) -> None:
    """Put a model to the gate and, when it passes, make it the champion that the API serves.

    The gate: it loads in a bare process, plain sentences are judged right, latency and size are within budget, and on
    the same held-out rows it is not worse than the champion. Exit 1 when the gate says no.
    """
    from vigie_trainer.cli.session import open_store, read_settings
    from vigie_trainer.models import check_name
    from vigie_trainer.promotion import promote as run

    terminal = Terminal(json_output)
    check_name(model)
    store = open_store(read_settings(), terminal)
    outcome = run(store, model, reason=reason, check_only=check, say=terminal.say)
    _tell(terminal, outcome)
    if not outcome.gate.passed:
        raise typer.Exit(1)


def rollback(reason: Reason = "", json_output: Json = False) -> None:
    """Make the previous champion champion again; the one that goes becomes previous."""
    from vigie_trainer.cli.session import open_store, read_settings
    from vigie_trainer.promotion import rollback as run

    terminal = Terminal(json_output)
    _tell(terminal, run(open_store(read_settings(), terminal), reason=reason))


def bootstrap(
    data: Data = None,
    wait: Annotated[int, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for MLflow.")] = 120,
    json_output: Json = False,
) -> None:
    """Make sure that there is a champion: train and promote tfidf_logreg when there is none, else do nothing."""
    from vigie_trainer.bootstrap import champion_on_server, training_of, wait_for_mlflow
    from vigie_trainer.cli.options import read_options
    from vigie_trainer.cli.rows import read_material
    from vigie_trainer.cli.session import open_store, read_settings
    from vigie_trainer.cli.training_session import TrainingSession
    from vigie_trainer.errors import Misuse
    from vigie_trainer.fit import FitError
    from vigie_trainer.promotion import promote as run
    from vigie_trainer.recipe import load_recipe
    from vigie_trainer.tracking.versions import CHAMPION, by_alias

    terminal = Terminal(json_output)
    settings = read_settings()
    uri = wait_for_mlflow(settings, wait, terminal.say)
    number = champion_on_server(uri, settings) if uri else None
    if number is not None:
        _tell_present(terminal, {"name": settings.model_name, "version": number})
        return
    store = open_store(settings, terminal)
    champion = by_alias(store, CHAMPION)
    if champion is not None:
        _tell_present(terminal, champion.document())
        return
    recipe = load_recipe("tfidf_logreg")
    material = read_material(terminal, data, [], None, read_options(None, None, None))
    run_id = training_of(store, recipe.name, material.posts.digest)
    if run_id is None:
        session = TrainingSession(settings, terminal, store)
        try:
            run_id = session.train(recipe, material, register=True)["run_id"]
        except FitError as error:
            raise Misuse(f"{recipe.name}: {error}") from None
        if session.problem is not None or run_id is None:
            session.tell_results()
            raise typer.Exit(1)
    outcome = run(store, run_id, reason="vigie bootstrap", check_only=False, say=terminal.say)
    _tell(terminal, outcome, created=outcome.moved)
    if not outcome.gate.passed:
        raise typer.Exit(1)


def _tell_present(terminal: Terminal, champion: dict[str, Any]) -> None:
    terminal.emit({"champion": champion, "created": False})
    terminal.result(f"There is a champion already: version {champion['version']}. Nothing to do.")


def _tell(terminal: Terminal, outcome: "Outcome", **more: Any) -> None:
    terminal.emit(outcome.document() | more)
    if terminal.json_output:
        return
    marks = {True: "✓", False: "✗", None: "·"}
    for check in outcome.gate.checks:
        terminal.result(f"  {marks[check.passed]} {check.detail}")
    candidate = f"version {outcome.candidate.number} ({outcome.candidate.recipe})"
    champion, previous = outcome.champion, outcome.previous
    if not outcome.gate.passed:
        stays = f"The champion stays version {champion.number} ({champion.recipe})." if champion else "No champion yet."
        terminal.result(f"The gate refuses {candidate}. {stays}")
    elif outcome.moved:
        before = f"; previous is version {previous.number} ({previous.recipe})" if previous else ""
        terminal.result(f"Champion is now {candidate}{before}.")
    else:
        terminal.result(f"The gate passes {candidate}; nothing was moved.")
