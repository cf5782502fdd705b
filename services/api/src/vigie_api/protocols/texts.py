"""The texts of a request in another protocol, held to what POST /v1/predict/batch takes."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from vigie_api.prediction.schema import BatchOut, Tweet
from vigie_api.problem import Problem
from vigie_api.settings import Settings
from vigie_api.state import Services

_TWEET: Final[TypeAdapter[str]] = TypeAdapter(Tweet)


class InvalidInput(Problem):
    """The body parses but is no request of its protocol, or breaks a limit. Both protocols want 400, not 422."""

    slug = "invalid-input"
    title = "Invalid input"


def checked(found: Sequence[Any], settings: Settings) -> list[str]:
    """The texts, or InvalidInput with the place of the first that cannot be judged; never the text itself."""
    if not found:
        raise InvalidInput("There is no text to judge. Send at least one.")
    if len(found) > settings.max_texts:
        raise InvalidInput(f"A request may have {settings.max_texts} texts, not {len(found)}. Send several requests.")
    texts = []
    for index, text in enumerate(found):
        if not isinstance(text, str):
            raise InvalidInput(f"Row {index}: the text must be a string.")
        if not text:
            raise InvalidInput(f"Row {index}: the text is empty.")
        if len(text) > settings.max_text_chars:
            raise InvalidInput(f"Row {index}: a text may have {settings.max_text_chars} characters.")
        try:
            texts.append(_TWEET.validate_python(text))
        except ValidationError as error:
            reason = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
            raise InvalidInput(f"Row {index}: the text {reason}.") from None
    return texts


async def judged(services: Services, texts: Sequence[Any], version: str | None = None) -> BatchOut:
    """The verdicts on the texts, by the champion or by the version that is named, recorded and counted like any other.

    Raises InvalidInput, or what `Predictor.many` and `Predictor.one` raise.
    """
    sound = checked(texts, services.settings)
    predictor, served = services.predictor, services.serving.current
    if version is None or (served is not None and served.version == version):
        batch = await predictor.many(sound)
        if version in (None, batch.predictions[0].model.version):
            return batch
        # The champion was swapped meanwhile: the version that was named is asked again, by its name.
    predictions = []
    for text in sound:
        predictions.append(await predictor.one(text, version))
        await asyncio.sleep(0)  # a light model is scored on the event loop: others have their turn between two texts
    return BatchOut(predictions=predictions)
