"""Poisoned versions: artifacts that load, and then answer NaN or take 10 s a text. The gate would never pass them:
here they get its tags by hand, and the alias champion."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vigie_model
from chaos_stack import Site

if TYPE_CHECKING:
    from mlflow import MlflowClient

_NAME = "sentiment"
_HEALTHY_TOKENS = 3
"""A text of so many words is judged well, and at once: vigie_model tries a graph with two when it loads it."""
_STEPS = 3_500_000


def graph(poison: str) -> bytes:
    """An ONNX network over token numbers that is poisoned (`nan` or `slow`) for texts of four words and more."""
    from onnx import TensorProto, helper

    def constant(name: str, value: float, kind: int) -> Any:
        return helper.make_node("Constant", [], [name], value=helper.make_tensor(name, kind, [], [value]))

    nodes = [
        helper.make_node("Shape", ["token_ids"], ["shape"]),
        constant("one", 1, TensorProto.INT64),
        helper.make_node("Gather", ["shape", "one"], ["length"]),
        constant("healthy", _HEALTHY_TOKENS, TensorProto.INT64),
        helper.make_node("Sub", ["healthy", "length"], ["room"]),
    ]
    if poison == "nan":  # the root of what is less than nought
        nodes += [
            helper.make_node("Cast", ["room"], ["number"], to=TensorProto.FLOAT),
            helper.make_node("Sqrt", ["number"], ["said"]),
        ]
    else:
        body = helper.make_graph(
            [
                helper.make_node("Identity", ["go_on"], ["go_on_out"]),
                helper.make_node("Cos", ["value"], ["value_out"]),
            ],
            "step",
            [
                helper.make_tensor_value_info("at", TensorProto.INT64, []),
                helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
                helper.make_tensor_value_info("value", TensorProto.FLOAT, []),
            ],
            [
                helper.make_tensor_value_info("go_on_out", TensorProto.BOOL, []),
                helper.make_tensor_value_info("value_out", TensorProto.FLOAT, []),
            ],
        )
        nodes += [
            constant("nought", 0, TensorProto.INT64),
            constant("steps", _STEPS, TensorProto.INT64),
            constant("yes", 1, TensorProto.BOOL),
            constant("start", 0.5, TensorProto.FLOAT),
            helper.make_node("Less", ["room", "nought"], ["long"]),
            helper.make_node("Where", ["long", "steps", "one"], ["times"]),
            helper.make_node("Loop", ["times", "yes", "start"], ["said"], body=body),
        ]
    # As many rows as texts: a column of the input, times nought, plus what was said.
    nodes += [
        helper.make_node("Cast", ["token_ids"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMin", ["numbers"], ["column"], axes=[1], keepdims=1),
        constant("none", 0.0, TensorProto.FLOAT),
        helper.make_node("Mul", ["column", "none"], ["zeros"]),
        helper.make_node("Add", ["zeros", "said"], ["margin"]),
    ]
    made = helper.make_graph(
        nodes,
        poison,
        [helper.make_tensor_value_info("token_ids", TensorProto.INT32, ["n", "length"])],
        [helper.make_tensor_value_info("margin", TensorProto.FLOAT, ["n", 1])],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def write(poison: str, folder: Path) -> str:
    """Write the artifact; returns its digest."""
    tokens = vigie_model.WordIndex(vigie_model.Cleaner(vigie_model.CleaningOptions()), ["merci", "vol", "flight"], 32)
    return vigie_model.save(
        folder,
        recipe=f"poison_{poison}",
        scorer=vigie_model.NetworkScorer(tokens, graph(poison)),
        calibration=vigie_model.Platt(),
        uncertain=(0.4, 0.6),
    )


async def nan(site: Site) -> None:
    """Let the alias champion name a version that answers NaN."""
    await asyncio.to_thread(_in_registry, site, lambda client: _release(client, "nan"))


async def slow(site: Site) -> None:
    """Let the alias champion name a version that takes 10 s a text."""
    await asyncio.to_thread(_in_registry, site, lambda client: _release(client, "slow"))


async def take_back(site: Site) -> None:
    """Let the alias champion name version 1 again."""
    await asyncio.to_thread(
        _in_registry, site, lambda client: client.set_registered_model_alias(_NAME, "champion", "1")
    )


def _release(client: MlflowClient, poison: str) -> None:
    run = client.create_run(client.create_experiment(f"poison-{poison}"))
    with tempfile.TemporaryDirectory(prefix="vigie-chaos-") as folder:
        digest = write(poison, Path(folder) / "vigie")
        client.log_artifacts(run.info.run_id, f"{folder}/vigie", "model/artifacts/vigie")
    source = f"{run.info.artifact_uri}/model"
    tags = {"vigie.gate": "passed: by hand, for the chaos suite", "vigie.artifact_digest": digest}
    tags["vigie.recipe"] = f"poison_{poison}"
    made = client.create_model_version(_NAME, source, run_id=run.info.run_id, tags=tags)
    client.set_registered_model_alias(_NAME, "champion", made.version)


def _in_registry(site: Site, work: Callable[[MlflowClient], object]) -> None:
    os.environ |= {
        "MLFLOW_TRACKING_USERNAME": "vigie-trainer",
        "MLFLOW_TRACKING_PASSWORD": site.secrets["MLFLOW_TRAINER_PASSWORD"],
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    from mlflow import MlflowClient

    work(MlflowClient(f"{site.url}/mlflow", f"{site.url}/mlflow"))
