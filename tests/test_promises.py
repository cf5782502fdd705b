"""What docs/deploy.md names as proof exists: test, make target, script, page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "deploy.md").read_text()
TABLES = PAGE[PAGE.index("## What is promised") :]
ROWS = re.findall(r"^\| (?!promise|---)(.+) \| (.+) \|$", TABLES, re.MULTILINE)
SAID = sorted(set(re.findall(r"`([^`]+)`", "\n".join(proof for _, proof in ROWS))))
PATHS = [said for said in SAID if re.fullmatch(r"[\w.-]+(/[\w.-]+)+(::\w+)?", said)]
TARGETS = [said for said in SAID if said.startswith("make ")]
LINKS = sorted(set(re.findall(r"\]\(([^)]+)\)", PAGE)))


def test_every_deliverable_has_its_table_and_every_promise_its_proof() -> None:
    assert re.findall(r"^### (\d)\. ", TABLES, re.MULTILINE) == ["1", "2", "3", "4", "5", "6"]
    assert len(ROWS) > 40
    for promise, proof in ROWS:
        assert re.search(r"`[^`]+`|\*\*Azure\*\*|\]\(", proof), promise


@pytest.mark.parametrize("said", PATHS)
def test_a_file_or_a_test_that_is_named_is_there(said: str) -> None:
    path, _, test = said.partition("::")

    assert (ROOT / path).exists()
    if test:
        assert re.search(rf"^(async )?def {test}\(", (ROOT / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize("said", TARGETS)
def test_a_make_target_that_is_named_is_there(said: str) -> None:
    assert re.search(rf"^{said.removeprefix('make ')}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_somewhere(link: str) -> None:
    page, _, heading = link.partition("#")
    text = (ROOT / "docs" / page).read_text()

    headings = [
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    ]
    assert not heading or heading in headings


@pytest.mark.parametrize("workflow", sorted(path.name for path in (ROOT / ".github" / "workflows").glob("*.yml")))
def test_every_workflow_is_accounted_for(workflow: str) -> None:
    assert f"`{workflow}`" in PAGE or workflow in {"azure-step.yml", "tell.yml"}  # called by the others
