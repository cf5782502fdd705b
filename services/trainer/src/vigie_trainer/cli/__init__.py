"""The command `vigie`. Heavy libraries are imported by the commands that need them, so that --help is quick."""

import signal
import sys
from types import FrameType

import typer
from rich.console import Console
from rich.markup import escape

from vigie_trainer.cli import data, data_protocol, drift, leaderboard, models, release, retrain, score, training
from vigie_trainer.errors import Interrupted, Misuse, VigieError

app = typer.Typer(
    name="vigie",
    help="Train, compare and release the sentiment models of Vigie.\n\n"
    "Results go to stdout, progress to stderr. Exit codes: 0 done, 1 it failed (nothing that was finished is lost), "
    "2 the command or its input cannot be used.",
    epilog="Start here:  vigie train tfidf_logreg   then   vigie leaderboard",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
data.app.command("protocol", epilog=data_protocol.EXAMPLES)(data_protocol.protocol)
app.add_typer(data.app, name="data")
app.command("train", epilog=training.EXAMPLES)(training.train)
app.command("leaderboard", epilog=leaderboard.EXAMPLES)(leaderboard.leaderboard)
app.command("evaluate", epilog=models.EVALUATE_EXAMPLES)(models.evaluate)
app.command("predict", epilog=models.PREDICT_EXAMPLES)(models.predict)
app.command("score", epilog=score.EXAMPLES)(score.score)
app.command("promote", epilog=release.PROMOTE_EXAMPLES)(release.promote)
app.command("rollback", epilog=release.ROLLBACK_EXAMPLES)(release.rollback)
app.command("retrain", epilog=retrain.EXAMPLES)(retrain.retrain)
app.command("drift", epilog=drift.EXAMPLES)(drift.drift)
app.command("bootstrap", epilog=release.BOOTSTRAP_EXAMPLES)(release.bootstrap)


def main() -> None:
    """Run the command line; every error becomes one sentence and an exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # What was ignored when we started (nohup, a background job of a script) stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        app()
    except VigieError as error:
        _end(str(error), error.exit_code)
    except Interrupted as interrupted:
        _end("Interrupted; nothing that was finished is lost.", interrupted.exit_code)
    except SystemExit as stop:
        # The command line could not be parsed; typer has told people, and programs get their document.
        usage = getattr(stop.__context__, "format_message", None)
        if usage is not None:
            _document_error(usage())
        raise
    except BrokenPipeError:
        # The reader (head, less) has seen enough; do not complain while closing stdout either.
        sys.stdout = None
        sys.exit(1)
    except Exception as error:
        _end(_unexpected(error), 1)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # A second Ctrl-C must not cut the clean-up of the first short.
    signal.signal(number, signal.SIG_IGN)
    raise Interrupted(number)


def _end(sentence: str, code: int) -> None:
    """Say what happened and leave."""
    first = sentence.partition(" ")[0]  # a file's name keeps its case
    text = sentence[:1].upper() + sentence[1:] if first.isalpha() else sentence
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]{escape(text)}[/bold red]")
    _document_error(text)
    sys.exit(code)


def _document_error(text: str) -> None:
    """The one JSON document of a command that failed, when one was asked for."""
    if "--json" in sys.argv[1:]:
        import json

        sys.stdout.write(json.dumps({"error": text}, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def _unexpected(error: Exception) -> str:
    """One sentence for an error that nobody foresaw; its traceback goes to the log."""
    import traceback
    from datetime import UTC, datetime

    from vigie_trainer.cli.session import read_settings

    trace = traceback.format_exc()
    reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no details'}"
    try:
        settings = read_settings()
        if settings.debug:
            sys.stderr.write(trace)
        settings.log_file.parent.mkdir(parents=True, exist_ok=True)
        with settings.log_file.open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC).isoformat()} vigie {sys.argv[1:2]}\n{trace}\n")
    except (OSError, Misuse):
        return f"that did not work: {reason}"
    return f"that did not work: {reason}. The details are in {settings.log_file}"
