"""The published results that ours stand beside, read from published.yaml."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

# The published sample that is like the rows of a protocol.
SAMPLES = {"16k": "16k", "full": "large"}


@dataclass(frozen=True)
class Published:
    """One published result.

    Attributes:
        recipe: ours that does the same.
        sample: 16k (our rows exactly) or large (more rows of the same corpus).
        accuracy, roc_auc: None when it was not published.
        fit: the time that it took, in words.
    """

    recipe: str
    label: str
    sample: str
    fit: str
    accuracy: float | None = None
    roc_auc: float | None = None


@cache
def published() -> tuple[Published, ...]:
    """Every published result, in the order of the file."""
    text = (files("vigie_trainer") / "published.yaml").read_text(encoding="utf-8")
    return tuple(Published(**entry) for entry in yaml.safe_load(text))


def published_for(recipe: str, protocol: str | None) -> Published | None:
    """The result to compare a recipe's run with: that of a sample like the protocol's, else that of the other."""
    of_recipe = [one for one in published() if one.recipe == recipe]
    wanted = SAMPLES.get(protocol or "", "16k")
    return next((one for one in of_recipe if one.sample == wanted), of_recipe[0] if of_recipe else None)
