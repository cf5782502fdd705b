"""Which encoders and vectors a command uses: the settings, and what lies in the data folder."""

from pathlib import Path

from vigie_trainer.encoders.choice import EncoderChoice
from vigie_trainer.settings import Settings

_GLOVE = ("glove*.txt", "glove*.txt.gz")


def chosen_encoders(settings: Settings, folder: Path | None) -> EncoderChoice:
    """What stands behind the recipes that name no encoder of their own.

    Args:
        folder: of the data, where a GloVe file may lie; the setting wins over it.
    """
    return EncoderChoice(settings.transformer, settings.use, settings.glove or _glove_in(folder))


def _glove_in(folder: Path | None) -> Path | None:
    """The GloVe file of a folder, the first by name when there are several."""
    if folder is None:
        return None
    return min((path for pattern in _GLOVE for path in folder.glob(pattern) if path.is_file()), default=None)


def words(encoders: EncoderChoice, used: set[str]) -> dict[str, str]:
    """The choice in words that name it on any machine, of the encoders that are used: transformer, use, glove."""
    found = {"transformer": encoders.transformer, "use": encoders.use, "glove": _file(encoders.glove)}
    return {name: value for name, value in found.items() if value is not None and name in used}


def _file(path: Path | None) -> str | None:
    """A file by name and size: reading hundreds of megabytes to name them would take longer than most fits."""
    return f"{path.name} ({path.stat().st_size} bytes)" if path is not None and path.is_file() else None
