"""What a topic may be called: the one rule for requests, settings and the document of the API."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

INVISIBLE: Final = r"\s\u001c-\u001f\u0085\u0000\u00ad\u200b-\u200f\u2060\ufeff"
"""What a reader would see nothing of: white space, and characters of no width. Python's \\s holds a few that the one of
JSON Schema (ECMAScript) does not: written out, both mean the same."""
# On one line, with something to see at both ends, so that no two topics look the same in a list.
_CONTROLS: Final = r"\u0000-\u001f\u007f-\u009f"
_EDGE: Final = f"[^{INVISIBLE}{_CONTROLS}]"
_PATTERN: Final = f"^{_EDGE}(?:[^{_CONTROLS}]{{0,62}}{_EDGE})?$"
_TOPIC: Final = re.compile(_PATTERN.removesuffix("$"))
RULE: Final = "at most 64 characters on one line, without space at its ends"

Topic = Annotated[
    str,
    Field(
        pattern=_PATTERN,
        examples=["Air Paradis"],
        description="What a tweet is about, such as a brand: at most 64 characters, no space at either end.",
    ),
]


def _checked(value: str) -> str:
    if not _TOPIC.fullmatch(value):
        raise ValueError(f"a topic has {RULE}")
    return value


NamedTopic = Annotated[str, AfterValidator(_checked)]
"""The same for settings, whose reader is told the rule and not its pattern."""
