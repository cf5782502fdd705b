"""The errors that the commands turn into a sentence and an exit code.

VigieError             exit 1: it did not work, though the command was right
├── Misuse             exit 2: the command or its input cannot be used as given
├── Unavailable        exit 1: a service or file that should be there does not answer
└── Refused            exit 1: the gate, or a state of the registry, says no
Interrupted            Ctrl-C or SIGTERM; not an Exception, so that nothing swallows it
"""

import signal


class VigieError(Exception):
    """Something failed; the message is one clear sentence for the person at the terminal."""

    exit_code = 1


class Misuse(VigieError):  # noqa: N818 - the name is what the person did, not "MisuseError"
    """The command, a setting or an input file cannot be used as given."""

    exit_code = 2


class Unavailable(VigieError):  # noqa: N818 - reads as a state
    """A service that is needed does not answer."""


class Refused(VigieError):  # noqa: N818 - reads as a verdict
    """A rule forbids what was asked."""


class Interrupted(BaseException):
    """The person, or the system, asked the command to end."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__(f"signal {number}")
        self.exit_code = 128 + number
