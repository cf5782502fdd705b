"""A few hundred made-up posts, quick to fit."""

import numpy as np
import pytest

GOOD = ["good", "great", "lovely", "merci", "parfait", "smooth", "happy", ":)"]
BAD = ["bad", "awful", "late", "retard", "nul", "rude", "lost", ":("]
NEUTRAL = ["flight", "the", "crew", "vol", "seat", "to", "Paris", "a", "@vigie", "le", "bagage"]


@pytest.fixture(scope="session")
def posts() -> tuple[list[str], np.ndarray]:
    random = np.random.default_rng(7)
    labels = random.integers(0, 2, 240)
    texts = []
    for label in labels:
        words = [*random.choice(NEUTRAL, 4), *random.choice(GOOD if label else BAD, 2)]
        if random.random() < 0.15:  # some posts say the opposite of their label
            words[-2:] = random.choice(BAD if label else GOOD, 2)
        random.shuffle(words)
        texts.append(" ".join(words))
    return texts, labels
