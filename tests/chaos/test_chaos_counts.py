"""What the chaos suite counts as lost, doubled, failed and recovered, and what its table shows of it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

import vigie_model


def stored(**changed: Any) -> Any:
    from chaos_ledger import Stored

    whole = Stored(
        verdicts={"p1": 1, "p2": 1},
        mentions={"m1": 1, "m2": 1},
        judged={"m1", "m2"},
        letters_due={"<a>", "<b>"},
        letters_taken={"<a>": 1, "<b>": 1},
        counted=2,
        watched=2,
    )
    return replace(whole, **changed)


def balance(excused: frozenset[str] = frozenset(), **changed: Any) -> dict[str, int]:
    from dataclasses import asdict

    from chaos_ledger import Acknowledged, compare

    found = compare(Acknowledged({"p1", "p2"}, {"m1", "m2"}), stored(**changed), excused)
    return {name: number for name, number in asdict(found).items() if number}


def test_nothing_is_missing_when_everything_is_there_once() -> None:
    assert balance() == {}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"verdicts": {"p1": 1}}, {"verdicts_lost": 1}),
        ({"verdicts": {"p1": 1, "p2": 3}}, {"verdicts_doubled": 2}),
        ({"mentions": {"m1": 1}}, {"mentions_lost": 1}),
        ({"mentions": {"m1": 1, "m2": 2}}, {"mentions_doubled": 1}),
        ({"watched": 5}, {"mentions_doubled": 3}),
        ({"judged": {"m1"}}, {"mentions_not_judged": 1}),
        ({"letters_taken": {"<a>": 1}}, {"emails_lost": 1}),
        ({"letters_taken": {"<a>": 3, "<b>": 1}}, {"emails_doubled": 1}),
    ],
)
def test_each_loss_and_each_double_is_counted(changed: dict[str, Any], found: dict[str, int]) -> None:
    assert balance(**changed) == found


def test_what_was_never_acknowledged_is_no_loss() -> None:
    assert balance(verdicts={"p1": 1, "p2": 1, "p3": 1}, mentions={"m1": 1, "m2": 1, "m3": 1}) == {}


def test_a_second_copy_is_excused_when_its_sender_was_killed_before_it_could_say_so() -> None:
    twice = {"<a>": 2, "<b>": 2}
    assert balance(frozenset({"<a>"}), letters_taken=twice) == {"emails_doubled": 1, "emails_excused": 1}


def row(**changed: Any) -> Any:
    from chaos_ledger import Acknowledged, compare
    from chaos_table import Row

    nothing = compare(Acknowledged(), stored(verdicts={}, mentions={}, counted=0, watched=0, letters_due=set()))
    sound = Row("kill-it", "it is killed", True, 100, 0, 5, 40, 2, nothing, 1.0, 2.0, 0)
    return replace(sound, **changed)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"failed": 2}, ["2 predictions failed"]),
        ({"failed": 2, "way_in": False}, []),
        ({"recovered_s": 15.0}, ["recovered in 15.0 s"]),
        ({"recovered_s": None}, ["did not recover"]),
        ({"manual_steps": 1}, ["1 manual steps"]),
        ({"foreign_answers": 3}, ["3 predictions by a version that must not serve"]),
        ({"not_taken": 1}, ["1 refused for good"]),
    ],
)
def test_a_missed_target_is_said(changed: dict[str, Any], said: list[str]) -> None:
    assert row(**changed).faults() == said


def test_the_table_has_a_line_for_each_fault_and_brackets_what_no_api_could_answer() -> None:
    from chaos_table import table, verdict

    rows = [row(), row(fault="kill-gateway", failed=7, way_in=False)]
    lines = table(rows).splitlines()
    assert len({len(line) for line in lines[:4]}) == 1
    assert [cell.strip() for cell in lines[3].split("|")[1:4]] == ["kill-gateway", "100", "(7)"]
    assert lines[5].startswith("(n): ")
    assert verdict(rows) == "All targets are met."
    assert verdict([row(failed=1)]) == "kill-it: 1 predictions failed"


def test_the_document_of_a_row_is_json_with_its_faults() -> None:
    assert json.loads(json.dumps(row(failed=1).document()))["faults"] == ["1 predictions failed"]


def test_each_fault_has_a_name_of_its_own_and_a_variation_that_exists(tmp_path: Any) -> None:
    from chaos_faults import FAULTS
    from chaos_stack import overrides

    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert {fault.variation for fault in FAULTS} == overrides(tmp_path).keys()


def test_a_poisoned_version_loads_judges_a_short_text_and_fails_on_others(tmp_path: Any) -> None:
    import chaos_poison

    digest = chaos_poison.write("nan", tmp_path / "artifact")
    model = vigie_model.load(tmp_path / "artifact")
    assert model.digest == digest
    assert math.isfinite(model.predict_one("vol merci").score)
    assert math.isnan(model.predict_one("un vol de retard à Orly ce soir").score)


def soaked(**last: float) -> Any:
    from soak_samples import Sample

    flat = Sample(10.0, 100.0, 40, 12, 1000, 0, 2.0, 9.0, 0.5)
    return [replace(flat, at_s=10.0 * at, **(last if at > 75 else {})) for at in range(1, 101)]


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ({}, []),
        ({"rss_mb": 104.9}, []),
        ({"rss_mb": 106.0}, ["memory grew by 6.0 %"]),
        ({"descriptors": 41}, ["descriptors grew from 40 to 41"]),
        ({"threads": 14}, []),
        ({"threads": 15}, ["threads grew from 12 to 15"]),
        ({"p50_ms": 3.0}, ["the median latency grew by 50.0 %"]),
        ({"failures": 1}, ["25 requests failed"]),
    ],
)
def test_a_soak_is_flat_or_says_what_grew(last: dict[str, float], said: list[str]) -> None:
    from soak_samples import faults

    assert faults(soaked(**last)) == said
