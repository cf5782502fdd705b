"""What the champion was made from: its recipe, and the rows that it learned."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vigie_trainer.data import demo
from vigie_trainer.data.protocols import PROTOCOLS
from vigie_trainer.data.source import TAG, DataSource, absolute, parsed
from vigie_trainer.errors import Misuse, Unavailable, VigieError
from vigie_trainer.tracking.store import Store, transferring, translated
from vigie_trainer.tracking.versions import Version

if TYPE_CHECKING:
    from vigie_trainer.identity import AnyRecipe

_RECIPE = "recipe.yaml"
_OTHER_DATA = "name its data with --data FILE (or the folder of its protocol)"


def champion_tags(store: Store, champion: Version) -> dict[str, str]:
    """The tags of the run that the champion came from.

    Raises:
        VigieError: there is no such run.
    """
    with translated(store.uri):
        return dict(store.client.get_run(champion.run_id).data.tags)


def champion_recipe(store: Store, champion: Version) -> "AnyRecipe":
    """The recipe document that the champion's run logged.

    Raises:
        VigieError: the run has none, or one that this version cannot read. Unavailable: MLflow went away.
    """
    from vigie_trainer.recipe import RecipeError, load_recipe

    with (
        tempfile.TemporaryDirectory(prefix="vigie-recipe-") as folder,
        translated(store.uri),
        transferring(store.settings),
    ):
        if _RECIPE not in {file.path for file in store.client.list_artifacts(champion.run_id)}:
            raise VigieError(f"the run of version {champion.number} has no {_RECIPE}; name a recipe to train.")
        try:
            path = Path(store.client.download_artifacts(champion.run_id, _RECIPE, folder))
        except OSError as error:
            raise Unavailable(f"the recipe of version {champion.number} cannot be had: {error}") from error
        try:
            return load_recipe(str(path))
        except RecipeError as error:
            raise VigieError(f"the recipe of version {champion.number} cannot be read: {error}") from None


def champion_source(tags: dict[str, str], champion: Version, data: Path | None, folder: Path | None) -> DataSource:
    """Where the rows are that the champion learned from.

    Args:
        tags: of the champion's run.
        data: what the person gave with --data: a file, or the folder of a protocol; it comes first.
        folder: the data folder of the settings.

    Raises:
        Misuse: that is not recorded, or not there any more.
    """
    recorded = parsed(tags[TAG]) if TAG in tags else None
    protocol = tags.get("vigie.protocol", "")
    if data is not None and data.is_dir():
        return DataSource(protocol=protocol if protocol in PROTOCOLS else PROTOCOLS[0], folder=absolute(data))
    if data is not None:
        return replace(recorded or DataSource(), data=absolute(data), protocol=None, folder=absolute(folder))
    if recorded is None:
        if tags.get("vigie.dataset") == demo.NAME:
            return DataSource()
        if protocol in PROTOCOLS and folder is not None:
            return DataSource(protocol=protocol, folder=absolute(folder))
        raise Misuse(f"it is not recorded what version {champion.number} learned from; {_OTHER_DATA}.")
    missing = recorded.missing()
    if missing:
        raise Misuse(f"{missing[0]}, which version {champion.number} learned from, is not there; {_OTHER_DATA}.")
    return recorded


def check_unchanged(tags: dict[str, str], champion: Version, digest: str) -> None:
    """Refuse rows that are not those of the champion.

    Args:
        digest: of the rows that were read.

    Raises:
        Misuse: they are others; the sentence says how to use them all the same.
    """
    if digest != tags.get("vigie.data_digest", digest):
        raise Misuse(
            f"the data of version {champion.number} changed since it was trained; to use what is there now, "
            f"{_OTHER_DATA}."
        )
