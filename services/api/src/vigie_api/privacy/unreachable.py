"""What no command of ours can reach, why, and when it expires: told by every `forget`, and by docs/privacy.md."""

from dataclasses import asdict, dataclass
from typing import Final


@dataclass(frozen=True)
class Unreachable:
    """A place that may still hold the text."""

    place: str
    why: str
    until: str

    def document(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


UNREACHABLE: Final = (
    Unreachable(
        "Application Insights",
        "feedback events carry the text; delete them with the purge API of the Log Analytics workspace",
        "the workspace's retention, 90 days unless set otherwise",
    ),
    Unreachable(
        "backups of the database and of the artifacts, Postgres' write-ahead log, a bucket's older versions",
        "they are copies of an earlier state",
        "they are rotated; after a restore, forget again",
    ),
    Unreachable("e-mails that were sent", "alerts quote the tweets they are about", "their recipients delete them"),
    Unreachable(
        "exports that were downloaded, and pages open in a browser",
        "they left this service",
        "their owners delete them",
    ),
    Unreachable(
        "models and what they were trained on",
        "data sets on the trainer's disk are not this service's; weights and vocabularies hold words, not texts; "
        "the hashes kept of training texts cannot be read back",
        "a model is trained without it and the old versions are deleted",
    ),
    Unreachable(
        "the memory of an API process that cannot reach the database",
        "predictions wait there to be written",
        "it is restarted, or reaches the database: then forget again",
    ),
)
