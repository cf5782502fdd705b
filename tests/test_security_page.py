"""docs/security.md names a test for every answer: each is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMED = re.compile(r"`((?:[a-z][\w./-]*)?(?:::\w+)?)`")


def proofs():
    """Each test in the last column of the tables; one that begins with `::` is in the file named before it."""
    found, file = [], ""
    for line in (ROOT / "docs" / "security.md").read_text(encoding="utf-8").splitlines():
        cells = line.split(" | ")
        if len(cells) != 3 or "tests" not in cells[-1]:
            continue
        for name in NAMED.findall(cells[-1]):
            path, _, test = name.partition("::")
            file = path or file
            found.append((file, test))
    return found


def test_the_page_is_read():
    assert len(proofs()) > 40


@pytest.mark.parametrize(("file", "test"), proofs())
def test_the_proof_of_every_answer_exists(file, test):
    assert (ROOT / file).exists()
    assert not test or re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
