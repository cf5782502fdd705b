"""Generated pages are what the code says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_setting_is_on_the_settings_page() -> None:
    result = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "settings_page.py"), "--check"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert result.returncode == 0, result.stderr


def test_the_readme_names_every_make_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {line.split(":")[0] for line in makefile.splitlines() if "## " in line and line[0].isalpha()} - {"help"}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {target for target in targets if f"`make {target}`" not in readme} == set()


def test_the_documents_that_the_readme_links_to_exist() -> None:
    import re

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = {link for link in re.findall(r"\]\(([^)#]+)\)", readme) if not link.startswith("http")}
    assert {link for link in links if not (ROOT / link).exists()} == set()
