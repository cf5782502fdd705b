"""A list of mentions from its bytes, a few at a time: whoever answers requests meanwhile must not notice.

Made in one go, 5,000 mentions keep the interpreter for 40 ms and more; the JSON alone takes a quarter of that.
"""

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, to_json

from vigie_api.mentions.schema import MAX_MENTIONS, MentionIn, MentionsRequest
from vigie_api.problem import MOST_ERRORS, invalid

SHORT_BYTES: Final = 50_000
"""A body up to here takes no longer than a text does."""
SLICE: Final = 100
"""Mentions that are made without a pause: about a millisecond's work."""
BREATH_S: Final = 0.001

_MENTIONS: Final = TypeAdapter(list[MentionIn])


class _Envelope(BaseModel):
    """MentionsRequest without a look at the mentions."""

    model_config = ConfigDict(extra="forbid")

    mentions: Annotated[list[Any], Field(min_length=1, max_length=MAX_MENTIONS)]


def read_short(raw: bytes) -> list[MentionIn]:
    """The mentions of a body. Raises Problem, with the first errors."""
    try:
        return MentionsRequest.model_validate_json(raw).mentions
    except ValidationError as error:
        raise _refusal(error) from None


def read_long(raw: bytes, breathe: Callable[[float], object] = time.sleep) -> list[MentionIn]:
    """The same, for a thread: between slices of a millisecond or so the interpreter is let go."""
    try:
        items = _Envelope.model_validate_json(raw).mentions
    except ValidationError as error:
        raise _refusal(error) from None
    mentions: list[MentionIn] = []
    errors: list[ErrorDetails] = []
    for start in range(0, len(items), SLICE):
        breathe(BREATH_S)
        try:
            mentions += _made(items[start : start + SLICE])
        except ValidationError as error:
            errors += [_moved(one, start) for one in _details(error)]
            if len(errors) >= MOST_ERRORS:
                break
    if errors:
        raise invalid(errors)
    return mentions


def _made(part: list[Any]) -> list[MentionIn]:
    try:
        return _MENTIONS.validate_python(part)
    except ValidationError:  # said again in the words for JSON: pydantic has others for Python's own lists and objects
        return _MENTIONS.validate_json(to_json(part, inf_nan_mode="constants"))


def _details(error: ValidationError) -> Sequence[ErrorDetails]:
    return error.errors(include_url=False, include_input=False)


def _refusal(error: ValidationError) -> Exception:
    return invalid(_details(error))


def _moved(error: ErrorDetails, start: int) -> ErrorDetails:
    index, *place = error["loc"]
    error["loc"] = ("mentions", start + int(index), *place)
    return error
