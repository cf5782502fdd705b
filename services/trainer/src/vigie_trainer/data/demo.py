"""The built-in corpus: short English and French posts about an airline, written for this project."""

import csv
import io
from importlib.resources import files
from pathlib import Path

from vigie_trainer.data.rows import Posts, SetAside
from vigie_trainer.errors import Unavailable

NAME = "vigie-demo"
LANGUAGES = ("en", "fr")


def demo_posts() -> Posts:
    """The corpus of both languages, English first, in the order of its files."""
    posts = Posts(NAME, [], [], [], SetAside(), {"language": []}, synthetic=True)
    for language in LANGUAGES:
        source = files("vigie_trainer") / "corpus" / f"demo_{language}.csv"
        with io.StringIO(source.read_text(encoding="utf-8"), newline="") as lines:
            for row in csv.DictReader(lines):
                posts.texts.append(row["text"])
                posts.labels.append(int(row["label"] == "positive"))
                posts.columns["language"].append(language)
    posts.lines = list(range(2, len(posts.texts) + 2))
    return posts


def write_demo(path: Path) -> int:
    """Write the corpus as a CSV (label, text, language) and return its number of rows.

    Raises:
        Unavailable: the file cannot be written.
    """
    posts = demo_posts()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["label", "text", "language"])
            for text, label, language in zip(posts.texts, posts.labels, posts.columns["language"], strict=True):
                writer.writerow(["positive" if label else "negative", text, language])
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror or error}.") from None
    return len(posts.texts)
