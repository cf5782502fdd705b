"""What a fit hands back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class FitResult:
    """What a fit made. Times are wall-clock seconds."""

    artifact: Path
    """The artifact folder."""
    params: dict[str, str | int | float | bool | None]
    """Every parameter used, by dotted name."""
    cv: dict[str, Any]
    """Mean and spread of the best candidate's scores, and every candidate's."""
    search_s: float
    fit_s: float
    """Features and classifier of the final fit; the search and the encoding of texts are not counted."""
    curves: dict[str, Any] | None = field(default=None)
    """Learning curves, of recipes that have any."""
    encode_s: float = 0.0
    """Turning texts into embeddings by a frozen encoder; what the cache held costs next to nothing."""
