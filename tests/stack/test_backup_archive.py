"""A backup on disk: complete or not there, readable by its owner only, and refused when it is not what it was."""

from __future__ import annotations

import importlib.util
import io
import json
import stat
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NOON = 1_795_348_800.0  # 22 November 2026, 12:00 UTC
DAY_S = 86_400


@pytest.fixture(scope="module")
def archive() -> ModuleType:
    spec = importlib.util.spec_from_file_location("backup_archive", SCRIPTS / "backup_archive.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def made(archive, tmp_path) -> Callable[..., Path]:
    def make(now: float = NOON, **changes: object) -> Path:
        with archive.Draft(tmp_path / "backups", now) as draft:
            for file in archive.FILES:
                draft.write(file, [file.encode(), b" content"])
                draft.counted({"rows": 1})
            facts = {
                "made": archive.stamp(now),
                "app": "0.1.0",
                "mlflow": "3.17.2",
                "postgres": "17.4",
                "schemas": {"vigie": "0006", "mlflow": "abc", "mlflow_auth": "def"},
                "champion": "3",
            }
            return draft.complete(archive.Manifest(**(facts | changes), parts=draft.parts))

    return make


def known(**more: list[str]) -> dict[str, list[str]]:
    return {"vigie": ["0007", "0006"], "mlflow": ["abc"], "mlflow_auth": ["def"]} | more


def test_a_backup_is_named_by_its_time_and_reads_as_it_was_written(archive, made):
    folder = made()

    assert folder.name == "20261122T120000Z"
    manifest = archive.read_manifest(folder)
    assert (manifest.app, manifest.champion, manifest.postgres_major) == ("0.1.0", "3", 17)
    assert manifest.part("objects.tar").bytes == len("objects.tar content")
    archive.verify(folder, manifest, lambda _: None)


def test_only_its_owner_reads_a_backup(made):
    folder = made()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_a_backup_that_breaks_on_the_way_leaves_nothing(archive, tmp_path):
    def breaks():
        yield b"some"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), archive.Draft(tmp_path, NOON) as draft:
        draft.write("objects.tar", breaks())

    assert not list(tmp_path.iterdir())


def test_a_folder_without_its_manifest_is_refused(archive, tmp_path):
    with pytest.raises(archive.RefusedError, match="name the folder of one backup"):
        archive.read_manifest(tmp_path)


def test_a_backup_that_was_not_completed_is_refused(archive, made):
    folder = made()
    partial = folder.rename(folder.with_name(f"{folder.name}.partial"))

    with pytest.raises(archive.RefusedError, match="never completed"):
        archive.read_manifest(partial)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2}, "format 2, and this version reads 1"),
        ({"parts": []}, "damaged"),
        ({"postgres": "new"}, "damaged"),
        ({"schemas": {"vigie": "0006"}}, "damaged"),
        ({"unknown": 1}, "damaged"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(archive, made, change, says):
    file = made() / archive.MANIFEST
    file.write_text(json.dumps(json.loads(file.read_text()) | change))

    with pytest.raises(archive.RefusedError, match=says):
        archive.read_manifest(file.parent)


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("damage", "says"), [(flip_a_bit, "is damaged"), (cut, "18 bytes instead of 19"), (Path.unlink, "cannot be read")]
)
def test_a_damaged_file_is_found(archive, made, damage, says):
    folder = made()
    damage(folder / "objects.tar")

    with pytest.raises(archive.RefusedError, match=says):
        archive.verify(folder, archive.read_manifest(folder), lambda _: None)


def test_an_older_schema_and_an_older_postgres_are_taken(archive, made):
    archive.refuse_newer(archive.read_manifest(made()), known(), 18)


def test_a_newer_schema_is_refused_in_one_sentence_that_says_what_to_start(archive, made):
    manifest = archive.read_manifest(made())

    with pytest.raises(archive.RefusedError, match=r"vigie is at revision 0006.*Vigie 0\.1\.0") as refusal:
        archive.refuse_newer(manifest, known(vigie=["0005"]), 17)
    assert str(refusal.value).count(". ") == 0


def test_a_newer_postgres_is_refused(archive, made):
    with pytest.raises(archive.RefusedError, match="set POSTGRES_IMAGE to 17 or newer"):
        archive.refuse_newer(archive.read_manifest(made()), known(), 16)


def test_old_backups_expire_but_never_the_newest_nor_anything_else(archive, made):
    month_old, week_old = made(NOON - 30 * DAY_S), made(NOON - 7 * DAY_S)
    root = week_old.parent
    killed = root / f"{archive.stamp(NOON - 40 * DAY_S)}.partial"
    running = root / f"{archive.stamp(NOON)}.partial"
    mine = root / "20200101T000000Z"  # named like a backup, and none
    for folder in (killed, running, mine):
        folder.mkdir()

    assert archive.expired(root, 10, NOON) == sorted([month_old, killed])
    assert archive.expired(root, 1, NOON) == sorted([month_old, killed])
    assert archive.expired(root / "none", 1, NOON) == []


def test_the_files_of_a_tar_are_named_without_its_folders(archive, tmp_path):
    with tarfile.open(tmp_path / "some.tar", "w") as tar:
        folder = tarfile.TarInfo("spool")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name in ("spool/1.json", "é/" * 90 + "long"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())

    assert list(archive.tar_names(tmp_path / "some.tar")) == ["spool/1.json", "é/" * 90 + "long"]
