"""What `vigie score --engine spark` says before it starts anything."""

import pytest

from .conftest import ARTIFACT


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--master", "spark://127.0.0.1:1"], 1, "Spark master spark://127.0.0.1:1 does not answer"),
        (["--master", "http://127.0.0.1"], 2, "names no Spark cluster: give spark://host:7077"),
        (["--workers", "3"], 2, "--workers is for the local engine"),
        (["--input", "-"], 2, "not standard input"),
    ],
)
def test_a_command_that_cannot_work_is_answered_at_once(vigie, arguments, code, said) -> None:
    defaults = ["--input", "posts.csv", "--output", "scored", "--model", ARTIFACT, "--engine", "spark"]
    done = vigie("score", *defaults, *arguments, "--json")

    assert done.code == code
    assert said in done.err
    assert said in done.document["error"]


def test_without_java_the_package_to_install_is_named(vigie, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    done = vigie("score", "--engine", "spark", "--input", "posts.csv", "--output", "scored", "--model", ARTIFACT)

    assert done.code == 2
    assert "apt-get install openjdk-17-jre-headless" in done.err


def test_a_java_that_is_too_old_is_named(vigie, tmp_path, monkeypatch) -> None:
    java = tmp_path / "bin/java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    done = vigie("score", "--engine", "spark", "--input", "posts.csv", "--output", "scored", "--model", ARTIFACT)

    assert done.code == 2
    assert f"{java} is older" in done.err
