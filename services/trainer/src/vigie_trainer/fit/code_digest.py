"""The digest of the code that decides what a fit makes."""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import vigie_model

_TRAINER = Path(__file__).resolve().parent.parent
_RUNTIME = Path(vigie_model.__file__).resolve().parent


@cache
def code_digest() -> str:
    """SHA-256 of the sources of vigie_model and of the trainer's fit, encoders and recipe modules.

    Two runs with the same recipe, rows and code digest would make the same model, so one of them is enough. How data
    are read, how a run is sent and what the gate asks of it do not count.
    """
    ours = [*_TRAINER.glob("fit/**/*.py"), *_TRAINER.glob("encoders/**/*.py"), *_TRAINER.glob("*recipe.py")]
    return digest_of({_RUNTIME: _RUNTIME.rglob("*.py"), _TRAINER: ours})


def digest_of(packages: Mapping[Path, Iterable[Path]]) -> str:
    """SHA-256 over the place in its package, the size and the content of each file, in order of place."""
    digest = hashlib.sha256()
    for root, paths in packages.items():
        for path in sorted(paths):
            content = path.read_bytes()
            digest.update(f"{root.name}/{path.relative_to(root).as_posix()}\n{len(content)}\n".encode())
            digest.update(content)
    return f"sha256:{digest.hexdigest()}"
