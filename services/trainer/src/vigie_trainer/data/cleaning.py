"""Exporting posts as the models read them."""

import csv
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vigie_trainer.data.rows import Posts
from vigie_trainer.errors import Unavailable
from vigie_trainer.scoring.metrics import CLASSES

if TYPE_CHECKING:
    from vigie_model import CleaningOptions

_REPORT_EVERY = 2_000


def write_cleaned(posts: Posts, path: Path, options: "CleaningOptions", *, progress: Callable[[float], None]) -> int:
    """Write label, text, clean and the kept columns as a CSV, at once or not at all.

    Returns:
        How many rows are empty once cleaned; they are written all the same.

    Raises:
        Unavailable: the file cannot be written.
    """
    from vigie_model import Cleaner

    cleaner = Cleaner(options)
    fresh = path.with_name(f".{path.name}.part")
    empty = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["label", "text", "clean", *posts.columns])
            for at, (text, label) in enumerate(zip(posts.texts, posts.labels, strict=True)):
                clean = cleaner.clean(text)
                empty += not clean
                writer.writerow([CLASSES[label], text, clean, *(values[at] for values in posts.columns.values())])
                if at % _REPORT_EVERY == 0:
                    progress(at / len(posts.texts))
        fresh.replace(path)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        with suppress(OSError):  # it is gone after replace, and may never have been there
            fresh.unlink()
    return empty
