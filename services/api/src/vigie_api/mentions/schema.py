"""What POST /v1/mentions takes and gives; a mention is the same whether it came by HTTP, a connector or a CSV file."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from vigie_api.instant import ZonedTime
from vigie_api.prediction.schema import Tweet
from vigie_api.topic import Topic

MAX_MENTIONS: Final = 5_000
MAX_REACH: Final = 10**15  # more than anybody reaches, and exact in every reader of JSON
_NO_NUL: Final = r"^[^\u0000]*$"


def _number(value: Any) -> Any:
    # JSON has one kind of number, so 5.0 is as whole as 5; a text or a truth value is no number.
    if isinstance(value, str | bool):
        raise ValueError("a whole number is needed")  # noqa: TRY004 - pydantic takes this one for an answer
    return value


Source = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9._-]{1,32}$",
        examples=["bluesky"],
        description="Where it was posted: one short name for each network, such as x or bluesky.",
    ),
]


class MentionIn(BaseModel):
    """A post about the brand, as whoever pushes it in tells it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Source
    external_id: Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_NUL)] = Field(
        description="Its id at the source. The same source and id sent again is the same post, whatever else differs."
    )
    topic: Topic = Field(description="What the watch counts it under, such as a brand.")
    text: Tweet
    created_at: ZonedTime = Field(description="When it was posted, with its offset from UTC.")
    author: Annotated[str, Field(max_length=200, pattern=_NO_NUL)] | None = Field(
        None,
        description="Who wrote it: a stable id or handle. Kept as a keyed hash only, so that one who posts a hundred "
        "times counts once.",
    )
    url: str | None = Field(
        None,
        max_length=2_000,
        pattern=r"^https?://[^\u0000-\u0020\u007f-\u00a0\"<>]+$",
        description="Where people can see it.",
    )
    reach: Annotated[int | None, BeforeValidator(_number)] = Field(
        None,
        ge=0,
        le=MAX_REACH,
        description="How many people may have seen it, such as the author's followers.",
    )


class MentionsRequest(BaseModel):
    """Posts to take in, in any order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "mentions": [
                        {
                            "source": "bluesky",
                            "external_id": "3kx7abc",
                            "topic": "Air Paradis",
                            "text": "Three hours on the tarmac and not a word from @airparadis.",
                            "created_at": "2026-03-02T08:15:00+01:00",
                            "author": "did:plc:example",
                            "url": "https://bsky.app/profile/example/post/3kx7abc",
                            "reach": 1200,
                        }
                    ]
                }
            ]
        },
    )

    mentions: list[MentionIn] = Field(min_length=1, max_length=MAX_MENTIONS)


class Refusal(BaseModel):
    """A mention that was not taken; sending it again changes nothing."""

    index: int = Field(ge=0, description="Its place in the list that was sent, from 0.")
    external_id: str
    reason: str = Field(description="Why, for a person to read.")


class Receipt(BaseModel):
    """What became of a list of mentions. Whatever is accepted is durable."""

    accepted: int = Field(ge=0, description="New ones. They are judged within seconds.")
    duplicates: int = Field(ge=0, description="Known already, or twice in the list.")
    refused: list[Refusal]
