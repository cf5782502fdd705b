"""A scikit-learn forest as an ONNX graph.

Written node by node from the trees' own arrays: half a million nodes take about a second, and each threshold is
rounded towards minus infinity to single precision, so that every comparison of a single-precision feature comes out
as it does in scikit-learn. Operator: https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleRegressor.html
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from sklearn.ensemble import RandomForestClassifier


def forest_graph(forest: RandomForestClassifier) -> bytes:
    """The graph: input `rows` float32 (n, width), output `margin` float32 (n, 1), the trees' mean P(class 1)."""
    parts: dict[str, list[NDArray[np.generic]]] = {
        name: []
        for name in ("tree", "node", "feature", "value", "left", "right", "leaf", "leaf_tree", "leaf_node", "share")
    }
    for number, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        leaf = tree.children_left < 0
        parts["tree"].append(np.full(tree.node_count, number))
        parts["node"].append(np.arange(tree.node_count))
        parts["feature"].append(np.where(leaf, 0, tree.feature))
        parts["value"].append(np.where(leaf, np.float32(0), single_below(tree.threshold)))
        parts["left"].append(np.where(leaf, 0, tree.children_left))
        parts["right"].append(np.where(leaf, 0, tree.children_right))
        parts["leaf"].append(leaf)
        votes = tree.value[leaf, 0, :]
        parts["leaf_tree"].append(np.full(int(leaf.sum()), number))
        parts["leaf_node"].append(np.flatnonzero(leaf))
        parts["share"].append(votes[:, 1] / votes.sum(axis=1) / len(forest.estimators_))
    flat = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    leaves = flat["leaf"].tolist()
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["rows"],
        ["margin"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        nodes_treeids=flat["tree"].tolist(),
        nodes_nodeids=flat["node"].tolist(),
        nodes_featureids=flat["feature"].tolist(),
        nodes_values=flat["value"].astype(np.float32).tolist(),
        nodes_modes=["LEAF" if leaf else "BRANCH_LEQ" for leaf in leaves],
        nodes_truenodeids=flat["left"].tolist(),
        nodes_falsenodeids=flat["right"].tolist(),
        target_treeids=flat["leaf_tree"].tolist(),
        target_nodeids=flat["leaf_node"].tolist(),
        target_ids=[0] * len(flat["leaf_node"]),
        target_weights=flat["share"].astype(np.float32).tolist(),
    )
    graph = helper.make_graph(
        [node],
        "forest",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, forest.n_features_in_])],
        [helper.make_tensor_value_info("margin", TensorProto.FLOAT, [None, 1])],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=10,
        producer_name="vigie",
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def single_below(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The greatest single-precision numbers not above the thresholds: `x <= t` stays the same for every single x."""
    rounded = thresholds.astype(np.float32)
    return np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)
