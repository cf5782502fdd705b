"""The files of runs on the leaderboard: read once, never a reason to fail, and never waited for too long."""

import threading
from datetime import UTC, datetime

import pytest

from vigie_api.champion.evidence import CONFUSION, CURVES, GATE, Shelf, read
from vigie_api.champion.registry import BoardRow, RegistryAway
from vigie_api.champion.serving import Release

pytestmark = pytest.mark.anyio
MATRIX = [[8, 2], [1, 9]]
PASSED = {"passed": True, "checks": [{"name": "size", "passed": True, "detail": "small"}]}
FAILED = {"passed": False, "checks": [{"name": "size", "passed": False, "detail": "large"}]}
PATIENTLY_S = 30


class Files:
    """A registry that has the files of runs and nothing else."""

    def __init__(self) -> None:
        self.kept = {"a": {CONFUSION: MATRIX, GATE: PASSED}, "b": {}}
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.away = False
        self.go = threading.Event()
        self.go.set()

    def documents(self, address, paths):
        self.asked.append((address, tuple(paths)))
        self.go.wait()
        if self.away:
            raise RegistryAway("MLflow is away.")
        return {path: document for path, document in self.kept[address].items() if path in paths}


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def files():
    return Files()


@pytest.fixture
async def shelf(files):
    shelf = Shelf(files, Clock())
    yield shelf
    files.go.set()
    shelf.close()


def row(files, gate="passed: fine", aliases=()):
    return BoardRow(Release("1", "tiny", "sha256:x", gate, "run"), datetime.now(UTC), aliases, {}, files)


async def test_files_are_read_once(shelf, files):
    for _ in range(3):
        (found,) = await shelf.gather([row("a")], PATIENTLY_S)
        assert (found.confusion_matrix, found.gate_checks[0].detail) == (((8, 2), (1, 9)), "small")
    assert files.asked == [("a", (CONFUSION, CURVES, GATE))]


async def test_a_version_without_files_or_without_a_run_has_no_evidence_and_is_not_asked_for_twice(shelf, files):
    for _ in range(2):
        found = await shelf.gather([row("b", gate=""), row(None)], PATIENTLY_S)
        assert all(one.model_dump() == dict.fromkeys(one.model_dump()) for one in found)
    assert files.asked == [("b", (CONFUSION, CURVES))]


async def test_the_report_of_a_new_judgement_replaces_the_old_one(shelf, files):
    await shelf.gather([row("a")], PATIENTLY_S)
    (before,) = await shelf.gather([row("a", gate="failed: large")], PATIENTLY_S)  # the tag came first
    assert before.gate_checks[0].passed is True
    files.kept["a"][GATE] = FAILED
    shelf._clock.now_s = 61
    (after,) = await shelf.gather([row("a", gate="failed: large")], PATIENTLY_S)
    assert after.gate_checks[0].passed is False


async def test_with_mlflow_away_the_evidence_is_missing_until_it_is_back(shelf, files):
    files.away = True
    assert await shelf.gather([row("a")], PATIENTLY_S) == [None]
    files.away = False
    (found,) = await shelf.gather([row("a")], PATIENTLY_S)
    assert found.confusion_matrix


async def test_a_slow_store_is_not_waited_for_and_its_files_are_there_the_next_time(shelf, files, until):
    files.go.clear()
    for _ in range(2):
        assert await shelf.gather([row("a")], 0) == [None]
    files.go.set()
    await until(lambda: not shelf._coming)
    (found,) = await shelf.gather([row("a")], 0)
    assert found.confusion_matrix
    assert len(files.asked) == 1


async def test_the_champion_is_asked_for_first(shelf, files):
    files.kept |= {str(number): {} for number in range(9)}
    rows = [row(str(number)) for number in range(9)] + [row("a", aliases=("champion",))]
    await shelf.gather(rows, PATIENTLY_S)
    assert files.asked[0][0] == "a"


@pytest.mark.parametrize(
    "odd",
    [
        {CONFUSION: [[1, 2]]},
        {CONFUSION: [[1, -2], [3, 4]]},
        {CURVES: {"roc": {"false_positive_rate": [0, 1], "true_positive_rate": [0, 0.5, 1]}}},
        {CURVES: {"roc": {"false_positive_rate": [0, float("nan")], "true_positive_rate": [0, 1]}}},
        {CURVES: {"roc": {"false_positive_rate": [0, 2], "true_positive_rate": [0, 1]}}},
        {CURVES: 7, GATE: "no report"},
        {GATE: {"checks": [{"name": 1}], "behaviour": {"plain": {"fr": 1}}}},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_as_if_it_were_not_there(odd):
    assert not any(read(odd).model_dump().values())


def test_a_short_curve_is_left_whole():
    curve = {"false_positive_rate": [0, 0.25, 1], "true_positive_rate": [0, 0.5, 1]}
    assert read({CURVES: {"roc": curve}}).roc.model_dump() == curve
