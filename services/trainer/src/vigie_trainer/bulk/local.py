"""The local engine: every core of this machine."""

from vigie_trainer.bulk.job import ScoreJob, ScoreReport
from vigie_trainer.cli.terminal import Terminal
from vigie_trainer.errors import VigieError


def score_locally(job: ScoreJob, terminal: Terminal) -> ScoreReport:
    """Score a file with a process a core."""
    raise VigieError("the local engine is not there yet.")
