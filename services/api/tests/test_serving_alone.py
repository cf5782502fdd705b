"""An SQLite file is served by one process; several need Postgres."""

import subprocess
import sys

import pytest

from vigie_api.database.single import serving_alone


def test_of_two_that_serve_one_file_the_second_learns_that_it_is_not_alone(tmp_path):
    url = f"sqlite:///{tmp_path}/new/vigie.db"
    with serving_alone(url) as first, serving_alone(url) as second, serving_alone(f"{url}2") as elsewhere:
        assert (first, second, elsewhere) == (True, False, True)
    with serving_alone(url) as later:
        assert later


@pytest.mark.parametrize("url", ["sqlite://", "postgresql+psycopg://vigie@nowhere/vigie"])
def test_what_no_other_process_sees_and_what_has_locks_of_its_own_are_served_by_anybody(url):
    with serving_alone(url) as first, serving_alone(url) as second:
        assert (first, second) == (True, True)


def test_a_second_process_says_so_in_one_sentence_and_ends(tmp_path, monkeypatch):
    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    serve = [sys.executable, "-c", "from vigie_api.cli import main; main()", "serve", "--port", "0"]
    with serving_alone(f"sqlite:///{tmp_path}/api/vigie.db"):
        done = subprocess.run(serve, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "vigie-api: another vigie-api serves this SQLite file; several need Postgres, see VIGIE_API_DATABASE_URL.\n"
    )
