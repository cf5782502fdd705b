"""The leaderboard as a page, and the published numbers beside ours."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from vigie_trainer.leaderboard import grouped, heading, ranked
from vigie_trainer.leaderboard_page import newest, page, seconds
from vigie_trainer.published import published, published_for
from vigie_trainer.recipe import recipe_names
from vigie_trainer.scoring.intervals import wilson
from vigie_trainer.settings import Settings
from vigie_trainer.tracking.store import connect


def run(recipe: str, accuracy: float, protocol: str | None = "16k", ended: str = "2026-01-01", **more: Any) -> dict:
    low, high = wilson(accuracy * 3_200, 3_200)
    metrics = dict.fromkeys(("roc_auc", "f1_macro", "log_loss", "ece"), 0.5) | {
        "accuracy": accuracy, "accuracy_low": low, "accuracy_high": high, "support_negative": 1600,
        "support_positive": 1600,
    }  # fmt: skip
    return {
        "recipe": recipe, "protocol": protocol, "run_id": "r", "version": None, "aliases": [], "ended_at": ended,
        "dataset": {"name": "tweets.csv", "synthetic": False}, "heldout_digest": "sha256:0123456789",
        "metrics": metrics, "fit_s": 3.0, "encode_s": 0.0, "search_s": 300.0, "artifact_mb": 2.0,
        "latency_ms": {"median": 0.1, "p95": 0.2}, "manual_test": None, "french": None, **more,
    }  # fmt: skip


def document(*runs: dict) -> dict:
    return {"runs": ranked(runs), "champion": None}


def test_the_page_needs_no_other_file_and_shows_every_recipe_with_its_interval() -> None:
    text = page(document(run("tfidf_logreg", 0.7766), run("use_mlp", 0.78), run("mine", 0.6)))
    assert not re.search(r"(src|href)=|https?://|@import|<script", text)
    for shown in ("tfidf_logreg", "use_mlp", "mine", "0.7766", "0.762–0.791", "0.10 ms (0.20)", "5.0 min"):
        assert shown in text
    assert text.index("use_mlp") < text.index("tfidf_logreg") < text.index("mine")
    assert "published 0.77" in text
    assert "prefers-color-scheme: dark" in text


def test_bars_stay_inside_their_track_whatever_the_accuracy() -> None:
    text = page(document(run("worse_than_chance", 0.31), run("perfect", 1.0)))
    places = [float(value) for value in re.findall(r"(?:width|left): ([\d.-]+)%", text)]
    assert places
    assert all(0 <= place <= 100 for place in places)


def test_what_people_wrote_into_names_is_text_on_the_page() -> None:
    assert "<b>" not in page(document(run("<b>recipe", 0.7)))


def test_an_empty_leaderboard_is_a_page_too() -> None:
    assert "No run has finished yet" in page(document())


def test_other_test_sets_are_told_with_what_they_were_used_for() -> None:
    report = {"rows": 359, "accuracy": 0.8, "low": 0.75, "high": 0.84}
    text = page(document(run("use_mlp", 0.78, manual_test=report, french=report | {"used_for_calibration": True})))
    assert "French, used for calibration" in text
    assert "0.750–0.840 (359 tweets)" in text


def test_runs_are_compared_within_a_protocol_and_its_held_out_rows() -> None:
    rows = document(run("a_b", 0.7), run("a_b", 0.9, "full"), run("c_d", 0.8), run("e_f", 0.6, None))["runs"]
    groups = grouped(rows)
    assert sorted(protocol for protocol, _ in groups) == ["", "16k", "full"]
    assert [row["recipe"] for row in groups["16k", "sha256:0123456789"]] == ["c_d", "a_b"]
    assert heading(groups["full", "sha256:0123456789"]) == "Protocol full, tweets.csv: 3,200 held-out rows (01234567)"


def test_of_several_runs_of_a_recipe_the_newest_stands_on_the_page() -> None:
    rows = [run("a_b", 0.9, ended="2026-01-01"), run("c_d", 0.8), run("a_b", 0.7, ended="2026-02-01")]
    assert [(row["recipe"], row["metrics"]["accuracy"]) for row in newest(rows)] == [("c_d", 0.8), ("a_b", 0.7)]


def test_times_are_short_to_read() -> None:
    assert [seconds(value) for value in (None, 0.26, 42.4, 204, 7_600)] == ["–", "0.3 s", "42 s", "3.4 min", "2.1 h"]


def test_the_published_numbers_name_recipes_of_ours_and_the_sample_decides_which_is_compared() -> None:
    assert {one.recipe for one in published()} <= set(recipe_names())
    assert all(one.accuracy is None or 0.5 < one.accuracy < 0.9 for one in published())
    found = {protocol: published_for("tfidf_logreg", protocol) for protocol in ("16k", "full")}
    assert {protocol: one.accuracy for protocol, one in found.items() if one} == {"16k": 0.71, "full": 0.7706}
    assert published_for("ensemble", "16k") is None


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (10, 10), (181, 359), (2_500, 3_200)])
def test_the_interval_is_that_of_scipy_and_holds_the_share(hits: int, rows: int) -> None:
    from scipy.stats import binomtest

    low, high = wilson(hits, rows)
    reference = binomtest(hits, rows).proportion_ci(0.95, "wilson")
    assert (low, high) == pytest.approx((reference.low, reference.high))
    assert 0 <= low <= hits / rows <= high <= 1


def test_the_page_is_written_and_logged_by_the_command(vigie, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "board.html"
    done = vigie("leaderboard", "--html", out, "--log", "--json")
    assert done.code == 0, done.err
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    client: MlflowClient = connect(Settings()).client
    run_id = done.document["logged_run_id"]
    assert client.get_run(run_id).data.tags["vigie.kind"] == "leaderboard"
    logged = Path(client.download_artifacts(run_id, "leaderboard/leaderboard.json", str(tmp_path)))
    assert json.loads(logged.read_text())["runs"] == []
    assert vigie("leaderboard", "--json").document["runs"] == [], "the record is no run of a recipe"
    assert vigie("leaderboard", "--protocol", "64k").code == 2
    assert vigie("leaderboard", "--html", tmp_path).code == 1
