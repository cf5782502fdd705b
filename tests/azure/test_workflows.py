"""The workflows call what exists, with no more rights than they need, pinned so that nobody changes them unseen."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
ALL = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)


class _Loader(yaml.SafeLoader):
    """YAML 1.1 reads the key `on` as true."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@cache
def read(file: Path) -> dict[str, Any]:
    return yaml.load(file.read_text(), _Loader)  # noqa: S506 - a SafeLoader


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    return read(file)["jobs"]


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(file).values() for step in job.get("steps", [])]


@pytest.mark.parametrize("file", [*WORKFLOWS, *ACTIONS], ids=lambda file: file.parent.name + "/" + file.name)
def test_every_action_is_pinned_by_its_commit_with_its_version_beside_it(file: Path) -> None:
    for line in file.read_text().splitlines():
        used = re.search(r"uses:\s*(\S+)\s*(.*)", line)
        if used is None or used[1].startswith("./"):
            continue
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", used[1]), line
        assert re.fullmatch(r"# v\d+\.\d+\.\d+", used[2]), line


def test_an_action_has_the_same_commit_wherever_it_is_used() -> None:
    pins: dict[str, set[str]] = {}
    for file in (*WORKFLOWS, *ACTIONS):
        for name, commit in re.findall(r"uses: ([\w-]+/[\w-]+)[\w/-]*@([0-9a-f]{40} # v\S+)", file.read_text()):
            pins.setdefault(name, set()).add(commit)

    assert {name: commits for name, commits in pins.items() if len(commits) > 1} == {}


@ALL
def test_rights_are_said_at_the_top_and_nothing_is_written_by_default(file: Path) -> None:
    assert read(file)["permissions"] in ({}, {"contents": "read"}, "{}")


@ALL
def test_a_job_writes_only_what_its_step_needs(file: Path) -> None:
    needed_by = {
        "id-token": {"azure/login"},
        "security-events": {"github/codeql-action"},
        "issues": {"gh issue"},
        "contents": {"gh release"},
    }
    for name, job in jobs(file).items():
        text = json.dumps(job)
        for right, level in (job.get("permissions") or {}).items():
            if level != "write" or "uses" in job:  # a called workflow's rights must be granted by its caller
                continue
            assert any(word in text for word in needed_by[right]), f"{name}: {right}"


@ALL
def test_a_caller_grants_exactly_what_the_called_jobs_ask_for(file: Path) -> None:
    for name, job in jobs(file).items():
        if not str(job.get("uses", "")).startswith("./.github/workflows/"):
            continue
        asked: dict[str, str] = {}
        for called in jobs(ROOT / job["uses"]).values():
            asked |= called.get("permissions") or {}
        assert job.get("permissions", read(file)["permissions"]) == asked, name


@ALL
def test_inputs_of_a_called_workflow_are_those_that_it_takes(file: Path) -> None:
    for name, job in jobs(file).items():
        if not str(job.get("uses", "")).startswith("./.github/workflows/"):
            continue
        call = read(ROOT / job["uses"])["on"]["workflow_call"]
        given, taken = set(job.get("with", {})), call["inputs"]
        assert given <= set(taken), name
        assert {key for key, spec in taken.items() if spec.get("required") == "true"} <= given, name
        outputs = set(call.get("outputs", {}))
        for other in jobs(file).values():
            asked = set(re.findall(rf"needs\.{name}\.outputs\.([\w-]+)", json.dumps(other)))
            assert asked <= outputs, name


@ALL
def test_a_job_waits_for_whom_it_asks(file: Path) -> None:
    for name, job in jobs(file).items():
        needs = job.get("needs", [])
        needs = [needs] if isinstance(needs, str) else needs
        assert set(needs) <= set(jobs(file))
        assert set(re.findall(r"needs\.([\w-]+)\.", json.dumps(job))) <= set(needs), name


@ALL
def test_runs_do_not_pile_up_and_end(file: Path) -> None:
    workflow = read(file)
    if "workflow_call" not in workflow["on"]:
        assert workflow["concurrency"]["group"]
        if file.stem in {"deploy", "release", "retrain"}:
            assert workflow["concurrency"]["cancel-in-progress"] == "false"
    for name, job in jobs(file).items():
        assert "uses" in job or int(job["timeout-minutes"]) <= 300, name


@ALL
def test_no_input_of_a_stranger_reaches_a_shell(file: Path) -> None:
    for step in steps(file):
        assert "${{" not in step.get("run", ""), step


@ALL
def test_the_token_does_not_stay_in_the_checkout(file: Path) -> None:
    for step in steps(file):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"


def test_every_make_target_and_script_that_is_called_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = "".join(file.read_text() for file in (*WORKFLOWS, *ACTIONS))

    called = set(re.findall(r"\bmake ([a-z0-9-]+)", re.sub(r"name: make.*", "", text)))
    called |= set(jobs(GITHUB / "workflows" / "ci.yml")["stack"]["strategy"]["matrix"]["target"])
    assert {"setup", "check", "test", "e2e", "e2e-azure"} <= called <= targets
    for script in set(re.findall(r"python (scripts/\w+\.py)", text)):
        assert (ROOT / script).is_file(), script


def test_a_step_on_azure_hands_the_release_what_it_reads() -> None:
    script = (ROOT / "scripts" / "azure_release.py").read_text()
    (step,) = [
        step for step in steps(GITHUB / "workflows" / "azure-step.yml") if "azure_release.py" in step.get("run", "")
    ]
    read_there = set(re.findall(r'needed\(\w+(?:\.\w+)?, "(\w+)"\)', script)) | {"VIGIE_VERSION"}
    given = set(step["env"]) | set(re.findall(r"^\s*export (\w+)", step["run"], re.MULTILINE))

    assert read_there <= given
    steps_of_the_script = set(re.search(r"choices=\[(.+?)\]", script)[1].replace('"', "").split(", "))
    for workflow in ("deploy", "retrain"):
        for job in jobs(GITHUB / "workflows" / f"{workflow}.yml").values():
            if str(job.get("uses", "")).endswith("azure-step.yml"):
                assert job["with"]["step"] in steps_of_the_script


def test_production_waits_for_people_and_for_staging() -> None:
    deploy = jobs(GITHUB / "workflows" / "deploy.yml")
    promote = jobs(GITHUB / "workflows" / "retrain.yml")["promote"]

    assert deploy["production"]["with"] | {"digests": ""} == {
        "step": "swap",
        "environment": "production",
        "digests": "",
    }
    assert "staging" in deploy["production"]["needs"]
    assert deploy["staging"]["with"]["digests"] == deploy["production"]["with"]["digests"]
    assert promote["environment"] == "production"


def test_all_five_images_are_built_and_no_other() -> None:
    built = jobs(GITHUB / "workflows" / "images.yml")["build"]["strategy"]["matrix"]["image"]

    assert set(built) == {file.parent.name for file in (ROOT / "services").glob("*/Dockerfile")}


def test_images_are_pushed_with_sbom_and_provenance_and_their_digests_are_handed_on() -> None:
    workflow = read(GITHUB / "workflows" / "images.yml")
    (push,) = [step for step in steps(GITHUB / "workflows" / "images.yml") if step.get("id") == "push"]

    assert (push["with"]["push"], push["with"]["sbom"], push["with"]["provenance"]) == ("true", "true", "mode=max")
    assert workflow["on"]["workflow_call"]["outputs"]["digests"]["value"] == "${{ jobs.collect.outputs.digests }}"
    (scan,) = [step for step in jobs(GITHUB / "workflows" / "images.yml")["build"]["steps"] if step.get("id") == "scan"]
    assert scan["with"]["image"].endswith("@${{ steps.push.outputs.digest }}")


@pytest.mark.parametrize("name", ["ci", "deploy", "release", "retrain"])
def test_a_failure_is_told(name: str) -> None:
    every = jobs(GITHUB / "workflows" / f"{name}.yml")
    told = every.pop("told")

    assert told["uses"] == "./.github/workflows/tell.yml"
    assert told["if"].startswith("failure()")
    assert set(told["needs"]) == set(every)


def test_dependabot_looks_at_every_place_that_pins_something() -> None:
    updates = read(GITHUB / "dependabot.yml")["updates"]
    places = {(update["package-ecosystem"], folder) for update in updates for folder in _folders(update)}

    assert {("uv", "/"), ("uv", "/azure/lint"), ("github-actions", "/"), ("docker-compose", "/")} <= places
    assert {("npm", "/azure/lint"), ("npm", "/services/mlflow/tests/azurite")} <= places
    assert {("docker", f"/services/{file.parent.name}") for file in (ROOT / "services").glob("*/Dockerfile")} <= places
    assert {("github-actions", f"/{action.parent.relative_to(ROOT)}") for action in ACTIONS} <= places


def _folders(update: dict[str, Any]) -> list[str]:
    return update.get("directories") or [update["directory"]]
