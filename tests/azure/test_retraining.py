"""An alert starts a retraining: what the Logic App asks GitHub for is what retrain.yml takes."""

import json
import re
from typing import Any

import pytest
import yaml

from .bicep import AZURE, block, keys, text

ROOT = AZURE.parent
DEFINITION: dict[str, Any] = json.loads((AZURE / "workflows" / "retrain.json").read_text())
MODULE = text(AZURE / "modules" / "retraining.bicep")
TOKEN, DISPATCH = DEFINITION["actions"]["token"], DEFINITION["actions"]["dispatch"]


def test_it_sends_the_event_that_the_workflow_waits_for() -> None:
    # YAML 1.1 reads the key `on` as true.
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "retrain.yml").read_text())[True]

    assert DISPATCH["inputs"]["body"]["event_type"] in workflow["repository_dispatch"]["types"]
    assert DISPATCH["inputs"]["method"] == "POST"
    assert re.fullmatch(r"https://api\.github\.com/repos/@\{.+\}/dispatches", DISPATCH["inputs"]["uri"])


def test_an_alert_that_ends_starts_nothing() -> None:
    (condition,) = DEFINITION["triggers"]["alert"]["conditions"]

    assert condition["expression"].endswith("['monitorCondition'], 'Fired')")
    assert "useCommonAlertSchema: true" in MODULE  # which has that field


def test_the_token_is_read_by_an_identity_and_is_in_no_history() -> None:
    assert TOKEN["inputs"]["authentication"] == {
        "type": "ManagedServiceIdentity",
        "audience": "https://vault.azure.net",
    }
    for action in (TOKEN, DISPATCH):
        assert set(action["runtimeConfiguration"]["secureData"]["properties"]) == {"inputs", "outputs"}
    assert DISPATCH["runAfter"] == {"token": ["Succeeded"]}


def test_it_may_read_that_one_secret_and_the_script_stores_it() -> None:
    (secret,) = re.findall(r"parent: vault\n  name: '([\w-]+)'", MODULE)

    assert f"secrets/{secret}'" in MODULE
    assert re.search(r"resource read .*\n.*\n  scope: token\n", MODULE)
    script = (ROOT / "scripts" / "azure_secrets.py").read_text()
    assert f'"{secret}"' in script[script.index("FROM_OUTSIDE") :].splitlines()[0]


def test_the_definition_is_given_the_parameters_that_it_reads() -> None:
    read = set(re.findall(r"parameters\('(\w+)'\)", json.dumps(DEFINITION)))
    properties = block(MODULE, "  properties: {\n    state: 'Enabled'")

    assert read == set(DEFINITION["parameters"])
    assert keys(block(properties, "parameters: {")) == read


def test_the_trigger_that_the_action_group_calls_exists() -> None:
    (trigger,) = re.findall(r"listCallbackUrl\('\$\{workflow\.id\}/triggers/(\w+)'", MODULE)

    assert set(DEFINITION["triggers"]) == {trigger}


@pytest.mark.parametrize("size", ["cheap", "production"])
def test_nobody_gets_it_who_did_not_ask(size: str) -> None:
    main = text(AZURE / "main.bicep")

    assert "param retrainRepository string = ''" in main
    assert "'modules/retraining.bicep' = if (!empty(retrainRepository)) {" in main
    given = json.loads((AZURE / "parameters" / f"{size}.json").read_text())["parameters"]
    assert "retrainRepository" not in given


def test_drift_starts_it_and_a_machine_that_is_down_does_not() -> None:
    alerts = text(AZURE / "modules" / "alerts.bicep")
    rules = dict(re.findall(r"name: '([\w-]+)'\n(?:    \w+: .+\n)*?    retrains: (\w+)", alerts))

    assert {name for name, retrains in rules.items() if retrains == "true"} == {"drift"}
    assert set(rules) >= {"wrong-verdicts", "silent-model", "server-errors"}
