"""The queries ask for what the API really sends, and each is used."""

import json
import re
from pathlib import Path

import pytest

from vigie_api.drift.verdict import Limits
from vigie_api.drift.watch import DriftWatch
from vigie_api.telemetry import events
from vigie_api.telemetry.appinsights import measures, sink
from vigie_api.telemetry.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
AZURE = ROOT / "azure"
FILES = sorted((AZURE / "queries").glob("*.kql"))
LINT = AZURE / "lint"
SENT = {kind.__name__: set(names) for kind, names in sink._SENT.items()}
METRICS = {
    *measures._COUNTERS.values(),
    *measures._GAUGES.values(),
    *(f"vigie.request.{name}_ms" for name in measures._QUANTILES),
}
REGISTRY = Metrics().registry
DriftWatch(None, None, None, Limits(0.1, 0.25, 200), REGISTRY)  # it has a metric with labels of its own
LABELS = {
    ours: set(family._labelnames)
    for collector in REGISTRY._collector_to_names
    if (family := collector) is not None and hasattr(family, "_labelnames")
    for theirs, ours in (measures._COUNTERS | measures._GAUGES).items()
    if theirs in {family._name, f"{family._name}_total"}
}


def parametrized(*files: Path) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("file", files or FILES, ids=lambda file: file.stem)


def code(file: Path) -> str:
    """The query without its comments."""
    return re.sub(r"^\s*//.*$", "", file.read_text(), flags=re.MULTILINE)


def test_the_queries_that_the_team_needs_are_there() -> None:
    names = {file.stem for file in FILES}

    assert names >= {
        "wrong-tweets",
        "error-rate-by-version",
        "feedback-by-hour",
        "latency-percentiles",
        "alert-history",
        "episodes",
    }


@parametrized()
def test_events_and_their_properties_are_those_that_are_sent(file: Path) -> None:
    text = code(file)
    if "customEvents" not in text:
        return
    named = set(re.findall(r'name == "(\w+)"', text))
    asked = set(re.findall(r"customDimensions\.(\w+)", text)) | set(re.findall(r'customDimensions\["(\w+)"\]', text))

    assert named
    assert named <= set(SENT), "events that nobody sends"
    for name in named:
        assert asked <= SENT[name], f"{name} has no such property"


@parametrized()
def test_metrics_and_their_dimensions_are_those_that_are_sent(file: Path) -> None:
    text = code(file)
    if "customMetrics" not in text:
        return
    named = set(re.findall(r'"(vigie\.[\w.]+)"', text))
    asked = set(re.findall(r"customDimensions\.(\w+)", text))

    assert named
    assert named <= METRICS, "metrics that nobody sends"
    assert asked <= set().union(*(LABELS.get(name, set()) for name in named)), "labels that none of them has"


@parametrized()
def test_a_query_is_used_by_the_workbook_or_an_alert_and_the_runbook_knows_it(file: Path) -> None:
    modules = "".join(module.read_text() for module in (AZURE / "modules").glob("*.bicep"))

    assert f"loadTextContent('../queries/{file.name}')" in modules
    assert file.name in (ROOT / "docs" / "runbook.md").read_text()


@parametrized(*[file for file in FILES if not file.stem.endswith("-alert")])
def test_a_list_takes_a_period_which_the_workbook_replaces(file: Path) -> None:
    workbook = (AZURE / "modules" / "workbook.bicep").read_text()
    fixed = re.search(r"var fixedPeriod = '(.+)'", workbook)

    assert fixed is not None
    assert file.read_text().startswith(fixed[1] + "\n")
    assert "ago(period)" in code(file)


@parametrized(*[file for file in FILES if file.stem.endswith("-alert")])
def test_an_alert_leaves_the_period_to_its_rule(file: Path) -> None:
    assert "ago(" not in code(file)


@parametrized()
def test_a_query_is_well_formed(file: Path) -> None:
    text = re.sub(r'"[^"\n]*"', '""', code(file))
    open_brackets: list[str] = []
    for sign in text:
        if sign in "([{":
            open_brackets.append(sign)
        elif sign in ")]}":
            assert open_brackets, f"{sign} closes nothing"
            assert open_brackets.pop() + sign in {"()", "[]", "{}"}
    assert not open_brackets
    statements = [part.strip() for part in text.split(";") if part.strip()]
    table, *steps = statements[-1].split("|")
    assert table.strip() in {"customEvents", "customMetrics", "requests", "dependencies", "exceptions"}
    operators = {"where", "extend", "project", "summarize", "order"}
    assert {step.split()[0] for step in steps} <= operators


def test_no_query_but_the_list_of_wrong_tweets_shows_a_text() -> None:
    showing = {file.stem for file in FILES if "customDimensions.text" in file.read_text()}

    assert showing == {"wrong-tweets"}


def test_the_alarm_counts_as_the_api_does() -> None:
    fields = set(events.FeedbackReceived.__dataclass_fields__)
    alerts = (AZURE / "modules" / "alerts.bicep").read_text()
    rule = alerts[alerts.index("name: 'wrong-verdicts'") :]

    assert {"prediction_id", "verdict"} <= fields
    assert re.search(r"threshold: 3\n\s+window: 'PT5M'", rule[:600])


def test_a_model_is_silent_whichever_way_it_was_asked() -> None:
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    judging = {
        path
        for path, operations in document["paths"].items()
        if operations.get("post", {}).get("x-required-scope") == "predict"
    } - {"/v1/explain", "/v1/feedback"}
    query = re.search(r"route in \(([^)]*)\)", code(AZURE / "queries" / "silent-model-alert.kql"))
    rules = (ROOT / "services" / "prometheus" / "rules.yml").read_text()
    rule = re.search(r'method="POST", route=~"([^"]+)"', rules[rules.index("alert: VigieModelSilent") :])

    assert query is not None
    assert set(re.findall(r'"([^"]+)"', query[1])) == judging
    assert rule is not None
    assert {path for path in document["paths"] if re.fullmatch(rule[1], path)} == judging


def test_the_linters_are_locked() -> None:
    wanted = json.loads((LINT / "package.json").read_text())["dependencies"]
    locked = json.loads((LINT / "package-lock.json").read_text())["packages"]

    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
