"""The train and test sides of a dataset: the protocol of the published table."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.data.rows import Posts, rows_digest, text_key
from vigie_trainer.errors import Misuse

SEED = 42
TEST_SIZE = 0.2


@dataclass(frozen=True)
class Side:
    """One side of a split: texts and their labels (0/1), same length; lines of the file for the test side."""

    texts: list[str]
    labels: NDArray[np.int64]
    lines: list[int] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """SHA-256 of the rows in order."""
        return rows_digest(self.texts, self.labels.tolist())


@dataclass(frozen=True)
class Split:
    """Train and test sides that share no text.

    Attributes:
        duplicates_removed: train rows dropped because their text is on the test side.
        extra_used, extra_duplicates: rows of --extra-data added to the train side, and dropped for the same reason.
    """

    train: Side
    test: Side
    duplicates_removed: int
    extra_used: int
    extra_duplicates: int


def split(posts: Posts, extra: Sequence[Posts] = (), *, seed: int = SEED) -> Split:
    """Split rows in file order with scikit-learn's train_test_split(test_size=0.2, random_state=42).

    Rows of extra datasets go to the train side only. The test side is never changed; train rows with one of its texts
    are removed.

    Raises:
        Misuse: fewer than ten rows, or only one class on the train side.
    """
    from sklearn.model_selection import train_test_split

    if len(posts.texts) < 10:
        raise Misuse(f"{posts.name} has {len(posts.texts)} usable rows; training needs at least 10.")
    train_at, test_at = train_test_split(np.arange(len(posts.texts)), test_size=TEST_SIZE, random_state=seed)
    held_out = {text_key(posts.texts[at]) for at in test_at}
    kept = [at for at in train_at if text_key(posts.texts[at]) not in held_out]
    texts = [posts.texts[at] for at in kept]
    labels = [posts.labels[at] for at in kept]
    extra_used = extra_duplicates = 0
    for more in extra:
        for text, label in zip(more.texts, more.labels, strict=True):
            if text_key(text) in held_out:
                extra_duplicates += 1
            else:
                extra_used += 1
                texts.append(text)
                labels.append(label)
    classes = set(labels)
    if len(classes) < 2:
        only = "positive" if classes == {1} else "negative"
        raise Misuse(f"{posts.name} has only {only} rows to train on; training needs both classes.")
    return Split(
        Side(texts, np.asarray(labels, dtype=np.int64)),
        Side(
            [posts.texts[at] for at in test_at],
            np.asarray([posts.labels[at] for at in test_at], dtype=np.int64),
            [posts.lines[at] for at in test_at],
        ),
        len(train_at) - len(kept),
        extra_used,
        extra_duplicates,
    )


def sample(posts: Posts, rows: int, *, seed: int = SEED) -> Posts:
    """Choose rows at random, without replacement, and keep them in file order; all of them when there are fewer."""
    if rows >= len(posts.texts):
        return posts
    chosen = np.sort(np.random.default_rng(seed).choice(len(posts.texts), size=rows, replace=False)).tolist()
    return Posts(
        f"{posts.name} (sample of {rows})",
        [posts.texts[at] for at in chosen],
        [posts.labels[at] for at in chosen],
        [posts.lines[at] for at in chosen],
        posts.set_aside,
        {name: [values[at] for at in chosen] for name, values in posts.columns.items()},
        posts.synthetic,
    )
