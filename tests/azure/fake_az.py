"""Stands in for `az` where there is no Azure: the few calls that scripts/azure_cloud.py makes, on a state in a file.

FAKE_AZ_STATE names a JSON file: {"slots": {slot: {"running", "digests"}}, "jobs": {name: status}, "secrets": {},
"refuse": [words of calls that fail], "outputs": {}, "calls": []}.
"""

import json
import os
import sys
from pathlib import Path

STATE = Path(os.environ["FAKE_AZ_STATE"])


def main(words: list[str]) -> None:
    state = json.loads(STATE.read_text())
    command = " ".join(words[: next(at for at, word in enumerate(words) if word.startswith("--"))])
    options = {word: after for word, after in zip(words, [*words[1:], ""], strict=True) if word.startswith("--")}
    state["calls"].append([command, options.get("--name", ""), options.get("--slot", "production")])
    said = None
    try:
        if any(refused in " ".join(words) for refused in state["refuse"]):
            sys.exit("ERROR: refused, as the test wants it")
        said = answer(state, command, options, words)
    finally:
        STATE.write_text(json.dumps(state))
    if said is not None:
        print(json.dumps(said))


def answer(state: dict, command: str, options: dict[str, str], words: list[str]):
    slot = options.get("--slot", "production")
    match command:
        case "deployment group what-if":
            return "would change: nothing"
        case "deployment group create" if options["--name"] == "vigie-release":
            given = dict(word.partition("=")[::2] for word in words if "=" in word)
            into = "staging" if given["staging"] == "true" else "production"
            state["slots"][into]["digests"] = json.loads(given["digests"])
            return {"properties": {"outputs": None}}
        case "deployment group create" | "deployment group show":
            return {"properties": {"outputs": {name: {"value": value} for name, value in state["outputs"].items()}}}
        case "containerapp job start":
            return {"name": f"{options['--name']}-1"}
        case "containerapp job execution show":
            statuses = state["jobs"].get(options["--name"], ["Succeeded"])
            return {"properties": {"status": statuses.pop(0) if len(statuses) > 1 else statuses[0]}}
        case "webapp stop" | "webapp start":
            state["slots"][slot]["running"] = command.endswith("start")
        case "webapp sitecontainers list":
            digests = state["slots"][slot]["digests"]
            return [
                {"name": f"app/{name}", "properties": {"image": f"cr/vigie-{name}@{at}"}}
                for name, at in digests.items()
            ]
        case "webapp deployment slot swap":
            slots = state["slots"]
            slots["production"], slots["staging"] = slots["staging"], slots["production"]
        case "keyvault secret show":
            if options["--name"] not in state["secrets"]:
                sys.exit("ERROR: (SecretNotFound) A secret with this name was not found in this key vault.")
            return state["secrets"][options["--name"]]
        case "keyvault secret set":
            state["secrets"][options["--name"]] = Path(options["--file"]).read_text()
        case _:
            sys.exit(f"ERROR: this az does not know: {command}")
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
