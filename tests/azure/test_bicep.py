"""The Bicep files agree with each other, with the script that deploys them, and with the runbook."""

import json
import re
from pathlib import Path

import pytest

from .bicep import AZURE, block, calls, keys, outputs, parameters, text

ROOT = AZURE.parent
COMPOSING = [AZURE / name for name in ("foundation.bicep", "main.bicep", "release.bicep")]
MODULES = sorted((AZURE / "modules").glob("*.bicep"))
ENTRY = pytest.mark.parametrize("file", COMPOSING, ids=lambda file: file.stem)
EACH = pytest.mark.parametrize("file", [*COMPOSING, *MODULES], ids=lambda file: file.stem)


@ENTRY
def test_a_module_is_given_what_it_takes(file: Path) -> None:
    used = calls(file)

    assert used
    for name, (module, given) in used.items():
        taken = parameters(module)
        assert given <= set(taken), f"{name} takes no such parameter"
        assert {key for key, needed in taken.items() if needed} <= given, f"{name} needs more"


@ENTRY
def test_outputs_that_are_read_exist(file: Path) -> None:
    used = calls(file)
    for name, output in re.findall(r"\b(\w+)\.outputs\.(\w+)", text(file)):
        assert output in outputs(used[name].file), f"{name}.outputs.{output}"


@ENTRY
def test_what_is_on_top_only_composes(file: Path) -> None:
    assert not re.findall(r"^resource \w+ '[^']+' = ", text(file), re.MULTILINE)


def test_every_module_is_used() -> None:
    used = {call.file for file in COMPOSING for call in calls(file).values()}

    assert used == set(MODULES)


@EACH
def test_every_parameter_is_described(file: Path) -> None:
    source = file.read_text()
    for name in parameters(file):
        before = source[: source.index(f"\nparam {name} ")].splitlines()
        decorators = []
        while before and before[-1].startswith("@"):
            decorators.append(before.pop())
        assert any(line.startswith("@description('") for line in decorators), name


@EACH
def test_a_password_is_a_secure_parameter(file: Path) -> None:
    for name in parameters(file):
        if re.search(r"password$|secret$", name, re.IGNORECASE):
            assert re.search(rf"@secure\(\)\nparam {name} string\n", file.read_text()), name


@EACH
def test_only_the_subset_that_the_parser_reads_is_used(file: Path) -> None:
    assert not re.search(r"^(func|import|type) ", text(file), re.MULTILINE)
    assert "=>" not in text(file)


@EACH
def test_a_loop_runs_over_what_is_known_when_the_deployment_starts(file: Path) -> None:
    source = text(file)
    variables = dict(re.findall(r"^var (\w+) = (.*?)(?=^\S)", source + "\nend", re.MULTILINE | re.DOTALL))
    later = set(re.findall(r"^(?:resource|module) (\w+) ", source, re.MULTILINE))

    for loop in re.findall(r"\[for [\w(), ]+ in (.+?): ", source):
        seen: set[str] = set()
        ask = set(re.findall(r"\b[a-zA-Z]\w*", loop))
        while ask:
            name = ask.pop()
            seen.add(name)
            ask |= set(re.findall(r"(?<![.\w'])[a-zA-Z]\w*(?=[.\[,)\s])", variables.get(name, ""))) - seen
        assert not seen & later, f"the loop over {loop} needs {seen & later}"


@EACH
def test_what_can_be_tagged_is_tagged(file: Path) -> None:
    untagged = ("roleAssignments", "diagnosticSettings", "configurations", "blobServices", "/config@", "sitecontainers")
    untagged += ("basicPublishingCredentialsPolicies",)
    source = text(file)
    for declared in re.findall(r"^resource \w+ '[^']+' = .*\{$", source, re.MULTILINE):
        if not any(word in declared for word in untagged):
            assert "tags" in keys(block(source, declared)), declared


@pytest.mark.parametrize("size", ["cheap", "production"])
def test_parameter_files_and_the_script_give_main_all_that_it_needs(size: str) -> None:
    given = set(json.loads((AZURE / "parameters" / f"{size}.json").read_text())["parameters"])
    script = (ROOT / "scripts" / "azure_release.py").read_text()
    by_script = {"name", "registryName", "digests"} | set(re.findall(r'"(\w+)": needed\(', script))
    taken = parameters(AZURE / "main.bicep")

    assert given | by_script <= set(taken)
    assert {name for name, needed in taken.items() if needed} <= given | by_script
    assert not given & by_script


def test_the_script_gives_the_release_what_it_takes() -> None:
    script = (ROOT / "scripts" / "azure_release.py").read_text()
    given = set(re.findall(r'"(\w+)":', script[script.index('"release.bicep"') : script.index("finally:")]))

    assert given == set(parameters(AZURE / "release.bicep"))


def test_the_script_reads_outputs_that_main_has() -> None:
    script = (ROOT / "scripts" / "azure_release.py").read_text()

    assert set(re.findall(r'outputs\["(\w+)"\]', script)) <= outputs(AZURE / "main.bicep")


def test_the_script_starts_jobs_that_exist() -> None:
    script = (ROOT / "scripts" / "azure_release.py").read_text()
    jobs = text(AZURE / "modules" / "jobs.bicep")
    made = set(re.findall(r"\n    name: '([\w-]+)'\n    image:", jobs))

    assert set(re.findall(r'run_job\("([\w-]+)"', script)) | {"retrain"} == made
    for name in made:
        assert f"'{name}'" in text(AZURE / "main.bicep")


def test_slots_need_a_plan_that_has_them() -> None:
    for size in ("cheap", "production"):
        values = json.loads((AZURE / "parameters" / f"{size}.json").read_text())["parameters"]
        assert values["slots"]["value"] is not values["planSize"]["value"].startswith("B")
        if values["databaseStandby"]["value"]:
            assert values["databaseTier"]["value"] != "Burstable"


def test_each_alert_has_its_place_in_the_runbook() -> None:
    alerts = text(AZURE / "modules" / "alerts.bicep")
    rules = re.findall(r"\n    name: '([\w-]+)'\n    title:", alerts)
    headings = re.findall(r"^### (\S+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)

    assert len(rules) == 9
    assert headings == rules


def test_nothing_is_reached_by_a_password_that_an_identity_could_reach() -> None:
    whole = "".join(text(file) for file in MODULES)

    for line in (
        "adminUserEnabled: false",
        "anonymousPullEnabled: false",
        "allowSharedKeyAccess: false",
        "allowBlobPublicAccess: false",
        "defaultAction: 'Deny'",
        "enablePurgeProtection: true",
        "publicNetworkAccess: 'Disabled'",
        "ftpsState: 'Disabled'",
        "httpsOnly: true",
    ):
        assert line in whole, line


def test_logs_hold_no_query_strings() -> None:
    assert "AppServiceHTTPLogs" not in "".join(text(file) for file in MODULES)
