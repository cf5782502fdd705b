"""What the connector route gives."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class ConnectorOut(BaseModel):
    """A live source of mentions."""

    name: str = Field(examples=["bluesky"])
    source: str = Field(examples=["bluesky"], description="The kind of source; mentions carry it too.")
    topics: list[str] = Field(examples=[["Air Paradis"]])
    state: Literal["running", "waiting", "off", "failing"] = Field(
        description="Waiting: it goes on by itself, such as after a rate limit. Failing: somebody should look at "
        "`error`. Off: switched off in the settings."
    )
    taken: int = Field(description="Posts that came in through it and were new.")
    last_taken_at: datetime | None
    error: str | None = Field(description="What it met with last; null while all is well.")


class ConnectorsOut(BaseModel):
    """Connectors, in the order of the settings."""

    connectors: list[ConnectorOut]
