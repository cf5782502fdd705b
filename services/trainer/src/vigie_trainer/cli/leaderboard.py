"""`vigie leaderboard`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vigie_trainer.cli.options import Json
from vigie_trainer.cli.terminal import Terminal
from vigie_trainer.errors import Misuse, Unavailable

if TYPE_CHECKING:
    from vigie_trainer.tracking.store import Store

EXAMPLES = (
    "Examples:  vigie leaderboard  |  vigie leaderboard --protocol 16k --json  |  "
    "vigie leaderboard --html board.html --log"
)


def leaderboard(
    protocol: Annotated[
        str | None, typer.Option("--protocol", metavar="16k|full", help="The runs of this protocol alone.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write it as a page that needs no other file.")
    ] = None,
    log: Annotated[bool, typer.Option("--log", help="Record the page and the figures in MLflow.")] = False,
    json_output: Json = False,
) -> None:
    """Show the finished runs, best accuracy first among those with the same held-out rows, and the champion."""
    from vigie_trainer.cli.session import open_store, read_settings
    from vigie_trainer.cli.training_session import show_runs
    from vigie_trainer.data.protocols import PROTOCOLS
    from vigie_trainer.leaderboard import grouped, heading
    from vigie_trainer.leaderboard import leaderboard as collect

    terminal = Terminal(json_output)
    if protocol is not None and protocol not in PROTOCOLS:
        raise Misuse(f"--protocol {protocol!r} is not known; there are {' and '.join(PROTOCOLS)}.")
    store = open_store(read_settings(), terminal)
    document = collect(store, protocol)
    told = _write(terminal, store, document, html, log) if html or log else {}
    terminal.emit(document | told)
    groups = grouped(document["runs"])
    for rows in groups.values():
        show_runs(terminal, rows, heading(rows))
    if not groups:
        terminal.result("No run yet. Try: vigie train tfidf_logreg")
    champion = document["champion"]
    if champion:
        terminal.result(f"Champion: version {champion['version']} ({champion['recipe']})")
    else:
        terminal.result("No champion yet: vigie bootstrap, or vigie promote VERSION")


def _write(
    terminal: Terminal, store: "Store", document: dict[str, Any], html: Path | None, log: bool
) -> dict[str, Any]:
    """Write the page, and record it.

    Returns:
        What --json says of it.

    Raises:
        Unavailable: the file cannot be written, or MLflow went away.
    """
    from vigie_trainer.leaderboard_page import log_page, page

    text = page(document)
    told: dict[str, Any] = {}
    if html is not None:
        try:
            html.parent.mkdir(parents=True, exist_ok=True)
            html.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Unavailable(f"{html} cannot be written: {error.strerror or error}.") from None
        terminal.say(f"Page written to {html}")
        told["html"] = str(html)
    if log:
        told["logged_run_id"] = log_page(store, document, text)
        terminal.say(f"Recorded in MLflow (run {told['logged_run_id']})")
    return told
