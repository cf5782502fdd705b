"""`make backup` and `make restore`, with a stand-in for Docker: in which order, and what is left when things fail."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SERVICES = "gateway ui api mlflow postgres minio"


class Docker:
    """The stand-in, and the scripts run with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backups = folder / "backups"
        (folder / "bin").mkdir()
        shutil.copy(Path(__file__).with_name("fake_docker.sh"), folder / "bin" / "docker")
        with tarfile.open(folder / "some.tar", "w") as tar:
            tar.addfile(tarfile.TarInfo("spool/1.json"))
        self.has(running=SERVICES.replace(" ", "\n"), newest="0006")

    def has(self, **states: str) -> None:
        for name, content in states.items():
            (self.folder / name).write_text(content)

    def start(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        environment = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "FAKE": str(self.folder)}
        command = [sys.executable, SCRIPTS / f"{script}.py", *arguments]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder
        )

    def run(self, script: str, *arguments: str) -> tuple[int, str, str]:
        process = self.start(script, *arguments)
        output, said = process.communicate(timeout=120)
        return process.returncode, output, said

    @property
    def log(self) -> str:
        file = self.folder / "log"
        return file.read_text() if file.exists() else ""

    def in_order(self, *words: str) -> bool:
        """Whether all were asked, each after the one before."""
        place = 0
        for word in words:
            place = self.log.find(word, place)
            if place < 0:
                return False
        return True


@pytest.fixture
def docker(tmp_path) -> Docker:
    return Docker(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    docker = Docker(tmp_path_factory.mktemp("made"))
    code, output, said = docker.run("backup", "--to", str(docker.backups), "--json")
    assert code == 0, said
    return Path(json.loads(output)["backup"])


@pytest.fixture
def backup(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


def test_the_spool_is_copied_before_the_databases_and_the_objects_after_them(docker):
    code, output, _ = docker.run("backup", "--to", str(docker.backups), "--json")

    assert code == 0
    assert docker.in_order("tar --create", "pg_dump", "pg_dump", "pg_dump", "objects: save")
    document = json.loads(output)
    assert document["manifest"]["schemas"] == {"vigie": "0006", "mlflow": "0006", "mlflow_auth": "0006"}
    held = {part["file"]: part["holds"] for part in document["manifest"]["parts"]}
    assert held["database-vigie.dump"] == {"predictions": 2, "runs": 1}
    assert held["objects.tar"] == {"files": 1}


def test_a_dump_and_its_counts_are_of_one_snapshot(docker):
    docker.run("backup", "--to", str(docker.backups))

    assert "--snapshot=00000003-1" in docker.log


def test_a_stack_whose_database_does_not_run_is_not_backed_up(docker):
    docker.has(running="gateway\nminio\n")

    code, _, said = docker.run("backup", "--to", str(docker.backups))

    assert code == 2
    assert "postgres must run" in said
    assert not docker.backups.exists()


def test_without_docker_there_is_one_sentence(docker):
    docker.has(fail="info")

    code, _, said = docker.run("backup", "--to", str(docker.backups))

    assert code == 2
    assert said == "backup: Docker does not answer: install Docker Engine and start it.\n"


@pytest.mark.parametrize("step", ["pg_export_snapshot", "boto3"])
def test_a_backup_that_fails_leaves_nothing_and_tells_no_post(docker, step):
    docker.has(fail=step)

    code, output, said = docker.run("backup", "--to", str(docker.backups), "--json")

    assert (code, output) == (1, "")
    assert "out of luck" in said
    assert "a row with a post in it" not in said
    assert list(docker.backups.iterdir()) == []


def test_a_backup_that_is_told_to_end_leaves_neither_files_nor_processes(docker):
    docker.has(hang="pg_dump")
    process = docker.start("backup", "--to", str(docker.backups))
    while "hangs" not in docker.log:
        assert process.poll() is None
        time.sleep(0.05)

    process.send_signal(signal.SIGTERM)

    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert said.endswith("backup: interrupted\n")
    assert list(docker.backups.iterdir()) == []


def test_a_restore_replaces_all_databases_at_once_and_then_the_rest(docker, backup):
    code, output, said = docker.run("restore", str(backup), "--replace", "--json")

    assert code == 0, said
    assert docker.in_order(
        *("stop api trainer mlflow", "--dbname=vigie_restored", "--dbname=mlflow_auth_restored", "objects: load"),
        *("sql: BEGIN", "mlflow_auth_restored RENAME TO mlflow_auth", "sql: COMMIT", "cp --archive"),
        *("DROP DATABASE IF EXISTS vigie_replaced", "deleted: 1/later/file", "up --detach"),
    )
    assert json.loads(output)["replaced"] == {"predictions": 2, "runs": 1}


def test_a_stack_that_is_used_is_left_alone_without_replace(docker, backup):
    code, _, said = docker.run("restore", str(backup))

    assert code == 2
    assert "this stack holds predictions (2), runs (1)" in said
    assert "stop" not in docker.log
    assert "CREATE DATABASE" not in docker.log


def test_a_damaged_backup_is_refused_before_docker_is_asked_anything(docker, backup):
    (backup / "objects.tar").write_bytes(b"")

    code, _, said = docker.run("restore", str(backup), "--replace")

    assert code == 2
    assert "objects.tar has 0 bytes" in said
    assert docker.log == ""


def test_a_backup_of_a_newer_schema_is_refused_before_anything_is_stopped(docker, backup):
    docker.has(newest="0005")

    code, _, said = docker.run("restore", str(backup), "--replace")

    assert code == 2
    assert "which the images here do not know" in said
    assert "stop" not in docker.log


@pytest.mark.parametrize("step", ["boto3", "RENAME"])
def test_a_restore_that_fails_before_the_switch_starts_what_ran_with_what_it_had(docker, backup, step):
    docker.has(fail=step)

    code, _, said = docker.run("restore", str(backup), "--replace")

    assert code == 1
    assert "nothing was replaced" in said
    assert "COMMIT" not in docker.log
    assert docker.in_order("stop api", "DROP DATABASE IF EXISTS vigie_restored", "up --detach", "api mlflow")


def test_a_restore_that_fails_after_the_switch_says_to_restore_once_more(docker, backup):
    docker.has(fail="cp --archive")

    code, _, said = docker.run("restore", str(backup), "--replace")

    assert code == 1
    assert "restore once more" in said
    assert "RENAME" in docker.log
