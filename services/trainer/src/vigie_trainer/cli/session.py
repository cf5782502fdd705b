"""Settings and the MLflow connection of one command."""

from typing import TYPE_CHECKING

from vigie_trainer.cli.terminal import Terminal
from vigie_trainer.errors import Misuse
from vigie_trainer.settings import Settings

if TYPE_CHECKING:
    from vigie_trainer.tracking.store import Store


def read_settings() -> Settings:
    """The settings of the environment.

    Raises:
        Misuse: one of them is not valid; the sentence names it.
    """
    from pydantic import ValidationError

    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        name = str(problem["loc"][0]) if problem["loc"] else "settings"
        name = name if name.isupper() else f"VIGIE_TRAINER_{name.upper()}"
        raise Misuse(f"the setting {name} is not valid: {problem['msg'][:1].lower()}{problem['msg'][1:]}.") from None


def open_store(settings: Settings, terminal: Terminal) -> "Store":
    """Open MLflow, and send it the runs that wait.

    Raises:
        Unavailable: it does not answer; the runs go on waiting.
    """
    from vigie_trainer.tracking.store import connect

    store = connect(settings, say=terminal.say)
    send_waiting(store, terminal)
    return store


def send_waiting(store: "Store", terminal: Terminal) -> None:
    """Send the runs that wait, and tell of each.

    Raises:
        Unavailable: MLflow went away; what is not sent goes on waiting.
    """
    from vigie_trainer.tracking.record import pending_runs
    from vigie_trainer.tracking.sending import send_pending

    if pending_runs(store.settings.pending):
        for sent in send_pending(store, say=terminal.say):
            version = f", version {sent.version}" if sent.version else ""
            terminal.say(f"Sent the waiting run {sent.name} (run {sent.run_id}{version})")
