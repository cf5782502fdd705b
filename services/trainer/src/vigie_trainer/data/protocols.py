"""The folder of data behind `--protocol`: which files it has, and what each is for."""

from pathlib import Path

from vigie_trainer.errors import Misuse

PROTOCOLS = ("16k", "full")
SAMPLE = "sentiment140_16k.csv.gz"
MORE = "sentiment140_more.csv.gz"
MANUAL_TEST = "sentiment140_manual_test.csv"
FRENCH = "french_validation.csv"
HOW_TO_MAKE = "docs/training.md says how to make it (`vigie data protocol FOLDER`)"
_NEEDED = {"16k": (SAMPLE,), "full": (SAMPLE, MORE)}


def protocol_folder(protocol: str, folder: Path | None) -> Path:
    """The folder of a protocol, once it is certain that it can serve.

    Args:
        folder: of --data, or of the setting VIGIE_DATA.

    Raises:
        Misuse: no such protocol, no folder, or a file that the protocol needs is not in it.
    """
    if protocol not in PROTOCOLS:
        raise Misuse(f"--protocol {protocol!r} is not known; there are {' and '.join(PROTOCOLS)}.")
    if folder is None:
        raise Misuse(
            f"--protocol {protocol} reads a folder of data: set VIGIE_DATA or give --data FOLDER; {HOW_TO_MAKE}."
        )
    if not folder.is_dir():
        what = "is a file, not the folder" if folder.exists() else "is not there: no folder"
        raise Misuse(f"{folder} {what} that --protocol {protocol} reads; {HOW_TO_MAKE}.")
    lacking = [name for name in _NEEDED[protocol] if not (folder / name).is_file()]
    if lacking:
        raise Misuse(f"{folder} lacks {' and '.join(lacking)}, which --protocol {protocol} needs; {HOW_TO_MAKE}.")
    return folder


def extra_files(protocol: str) -> tuple[str, ...]:
    """Names of the files whose rows go to the train side only."""
    return tuple(name for name in _NEEDED[protocol] if name != SAMPLE)
