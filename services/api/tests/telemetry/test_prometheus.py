"""The rules and the dashboard, run: a real Prometheus scrapes the real API and answers every query they hold."""

import asyncio
import contextlib
import json
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
import yaml

from vigie_api.app import create_app
from vigie_api.connectors.bluesky import BlueskyOptions

SERVICES = Path(__file__).resolve().parents[3]
PROMETHEUS = SERVICES / "prometheus"
GRAFANA = SERVICES / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards" / "vigie.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
# Panels that stay empty without a challenger in the registry.
WITHOUT_DATA = {"Challenger in the shadow"}


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"This test needs {name}: apt-get install --no-install-recommends prometheus (make test does it).")
    return found


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        [program("promtool"), *arguments], capture_output=True, text=True, check=False, cwd=PROMETHEUS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.integration
def test_prometheus_accepts_its_configuration_and_its_rules() -> None:
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yml")


@pytest.mark.integration
def test_every_rule_fires_when_it_should_and_not_before() -> None:
    promtool("test", "rules", "rules_test.yml")
    tested = set(re.findall(r"alertname: (\w+)", (PROMETHEUS / "rules_test.yml").read_text()))
    rules = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())
    assert tested == {rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule}


def test_the_runbook_says_of_every_rule_what_to_look_at_and_what_to_do() -> None:
    rules = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())
    severity = {
        rule["alert"]: rule["labels"]["severity"]
        for group in rules["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    runbook = (SERVICES.parent / "docs" / "runbook.md").read_text()
    rows = re.findall(r"^\| `(Vigie\w+)` \((\w+)\) \| (.+) \| (.+) \|$", runbook, re.MULTILINE)

    assert {name: said for name, said, *_ in rows} == severity
    assert len(rows) == len(severity)
    assert all(look.strip() and act.strip() for *_, look, act in rows)


class Scraped:
    """A Prometheus that scrapes one API."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=address, timeout=60)

    def ask(self, path: str, **parameters: str) -> dict:
        answer = self._client.get(f"/api/v1/{path}", params=parameters).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def value(self, expression: str) -> list[dict]:
        return self.ask("query", query=expression)["result"]

    def close(self) -> None:
        self._client.close()


@contextlib.contextmanager
def scraping(port: int, own_port: int, folder: Path) -> Iterator[Scraped]:
    """Prometheus with the service's own configuration, but for where the API is and how often it is asked."""
    settings = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    settings["global"] = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}
    settings["rule_files"] = [str(PROMETHEUS / "rules.yml")]
    (api,) = (job for job in settings["scrape_configs"] if job["job_name"] == "vigie-api")
    del api["dns_sd_configs"]
    api["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    settings["scrape_configs"] = [api]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    command = [
        program("prometheus"),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{own_port}",
    ]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        scraped = Scraped(f"http://127.0.0.1:{own_port}")
        try:
            while True:
                assert process.poll() is None, (folder / "log").read_text()
                with contextlib.suppress(httpx.TransportError, AssertionError, ValueError):
                    if scraped.value(f'count_over_time(up{{instance="127.0.0.1:{port}"}}[1m]) > 1'):
                        break
                time.sleep(0.2)
            yield scraped
        finally:
            scraped.close()
            process.terminate()


@contextlib.contextmanager
def serving(app, port: int) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="on"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def drive(client: httpx.Client) -> None:
    for text in ("parfait", "merci"):
        said = client.post("/v1/predict", json={"text": text}).json()
        client.post("/v1/feedback", json={"prediction_id": said["id"], "verdict": "wrong"})
    client.post("/v1/predict", json={"nothing": 1})


def connector_that_fails() -> BlueskyOptions:
    """One that is measured, and reaches nobody."""
    return BlueskyOptions(name="bluesky", words={"Air Paradis": "airparadis"}, hosts=["ws://127.0.0.1:9"])


@pytest.mark.integration
def test_every_query_and_every_rule_is_answered_and_has_data(
    settings, fixed, ingestion, free_port, tmp_path_factory
) -> None:
    observed = type(settings)(
        **settings.model_dump(exclude={"appinsights_connection_string"}),
        appinsights_connection_string=ingestion.connection_string,
    ).model_copy(update={"connectors": (connector_that_fails(),)})
    folder = tmp_path_factory.mktemp("prometheus")
    app = create_app(observed, model_source=fixed)
    with serving(app, free_port) as api, httpx.Client(base_url=api, timeout=60) as client:
        while not client.get("/readyz").json().get("database"):
            time.sleep(0.05)
        drive(client)
        drive(client)  # four wrong verdicts: an alert
        with scraping(free_port, another_port(free_port), folder) as scraped:
            while not scraped.value('vigie_alerts_raised_total{kind="misprediction"}'):
                time.sleep(0.2)
            for _ in range(6):
                drive(client)
                time.sleep(0.5)
            while not scraped.value("vigie_alerts_open > 0"):
                time.sleep(0.2)
            empty = set()
            for title, expression in QUERIES:
                shown = scraped.value(expression.replace("$instance", ".*"))
                numbers = [float(sample["value"][1]) for sample in shown]
                if not [number for number in numbers if number == number]:
                    empty.add(title)
            assert empty == WITHOUT_DATA
            assert scraped.value(DASHBOARD["annotations"]["list"][0]["expr"].removesuffix("> 0"))
            rules = [rule for group in scraped.ask("rules")["groups"] for rule in group["rules"]]
            assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}
            for rule in rules:
                if rule["type"] == "recording":
                    assert scraped.value(rule["name"]), rule["name"]
                else:
                    assert rule["state"] != "firing", rule["name"]
            (ingested,) = scraped.value('sum(vigie_call_seconds_count{kind="SQL"})')
            assert float(ingested["value"][1]) > 0
        assert "secret" not in client.get("/metrics").text


def another_port(taken: int) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            if probe.getsockname()[1] != taken:
                return int(probe.getsockname()[1])


def test_the_dashboard_names_only_metrics_that_the_service_has(settings, fixed) -> None:
    source = "".join(path.read_text() for path in (SERVICES / "api" / "src").rglob("*.py"))
    rules = (PROMETHEUS / "rules.yml").read_text()
    named = set(re.findall(r"\bvigie_\w+", " ".join(expression for _, expression in QUERIES) + rules))
    for name in named:
        family = re.sub(r"_(total|bucket|count|sum)$", "", name)
        assert f'"{family}"' in source, name


def test_the_dashboard_is_one_that_grafana_can_load() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    for panel in PANELS:
        assert panel["title"], panel["id"]
        assert panel["datasource"] == {"type": source["type"], "uid": source["uid"]}
        assert [target["datasource"] for target in panel["targets"]] == [panel["datasource"]] * len(panel["targets"])
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    cells: dict[tuple[int, int], int] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert cells.setdefault((x, y), panel["id"]) == panel["id"], "two panels overlap"
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/vigie.yml").read_text())["providers"]
    compose = yaml.safe_load((SERVICES.parent / "compose.yaml").read_text())
    mounts = [volume.split(":") for volume in compose["services"]["grafana"]["volumes"] if volume.startswith("./")]
    assert ["./services/grafana/dashboards", provider["options"]["path"], "ro"] in mounts
