"""A key as the server knows it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Scope = Literal["predict", "ingest", "review", "admin"]


class ApiKey(BaseModel):
    """One key as the server knows it: its name, what it may do, and the SHA-256 of its secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")
    scopes: frozenset[Scope] = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)
