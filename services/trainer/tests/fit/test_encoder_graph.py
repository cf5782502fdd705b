"""The graph that is written operator by operator says what Keras says."""

import numpy as np
import pytest

from vigie_model.graph import open_graph
from vigie_trainer.encoders.graph import Precision, encoder_graph, encoder_of

pytestmark = [
    pytest.mark.xdist_group("tensorflow"),
    # Keras and TensorFlow warn of their own future.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]

SIZES = {
    "vocabulary_size": 40, "num_layers": 3, "num_heads": 4, "hidden_dim": 96, "intermediate_dim": 160,
    "max_sequence_length": 24, "dropout": 0.0,
}  # fmt: skip
RNG = np.random.default_rng(3)


@pytest.fixture(scope="module", params=["BertBackbone", "DistilBertBackbone"])
def network(request: pytest.FixtureRequest):
    from vigie_trainer.encoders.backbone import quiet_tensorflow

    quiet_tensorflow()
    import keras_hub

    network = getattr(keras_hub.models, request.param)(**SIZES)
    # As new, every normalization and every bias does nothing: a graph that forgot them would pass.
    network.set_weights([value + RNG.normal(0.0, 0.15, value.shape) for value in network.get_weights()])
    return network


def batch(lengths: list[int]) -> dict[str, np.ndarray]:
    """Texts of random pieces, padded to the longest."""
    mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int32)
    return {"token_ids": RNG.integers(1, 40, mask.shape).astype(np.int32) * mask, "padding_mask": mask}


def outputs_of_keras(network, inputs: dict[str, np.ndarray], layers: tuple[int, ...]) -> np.ndarray:
    import keras

    blocks = [layer for layer in network.layers if layer.name.startswith("transformer_layer")]
    middle = keras.Model(network.inputs, [blocks[layer].output for layer in layers])
    given = inputs | {"segment_ids": np.zeros_like(inputs["token_ids"])}
    sequences = middle({tensor.name: given[tensor.name] for tensor in network.inputs})
    mask = inputs["padding_mask"][:, :, None]
    listed = sequences if isinstance(sequences, list) else [sequences]
    return np.concatenate([(np.asarray(one) * mask).sum(1) / mask.sum(1) for one in listed], axis=1)


def run(graph: bytes, inputs: dict[str, np.ndarray], output: str = "embedding") -> np.ndarray:
    session = open_graph(graph, "encoder.onnx", 1)
    return session.run([output], inputs)[0]


@pytest.mark.parametrize("layers", [(-1,), (-3, -1)])
def test_it_says_what_keras_says(network, layers: tuple[int, ...]):
    inputs = batch([2, 9, 24])
    graph = encoder_graph(encoder_of(network), layers, output="embedding")
    np.testing.assert_allclose(run(graph, inputs), outputs_of_keras(network, inputs, layers), atol=2e-5)


def test_a_dense_layer_over_it_gives_one_number(network):
    inputs = batch([5, 7])
    kernel, bias = RNG.normal(size=(96, 1)).astype(np.float32), np.array([0.5], dtype=np.float32)
    graph = encoder_graph(encoder_of(network), [-1], output="margin", dense=(kernel, bias))
    wanted = outputs_of_keras(network, inputs, (-1,)) @ kernel + bias
    np.testing.assert_allclose(run(graph, inputs, "margin"), wanted, atol=2e-5)


@pytest.mark.parametrize("precision", ["int8_weights", "int8"])
def test_eight_bits_say_nearly_the_same_and_the_same_in_any_company(network, precision: Precision):
    weights = encoder_of(network)
    whole = encoder_graph(weights, [-1], output="embedding")
    small = encoder_graph(weights, [-1], output="embedding", precision=precision)
    assert len(small) < 0.45 * len(whole)
    inputs = batch([3, 12, 20, 6])
    near = run(small, inputs)
    exact = run(whole, inputs)
    assert 0.0 < np.abs(near - exact).max() < 0.1 * np.abs(exact).max()
    for row, length in enumerate(inputs["padding_mask"].sum(axis=1)):
        alone = run(small, {name: values[row : row + 1, :length] for name, values in inputs.items()})
        np.testing.assert_allclose(alone[0], near[row], atol=1e-5)


def test_another_architecture_is_left_to_keras_own_export():
    from vigie_trainer.encoders.backbone import quiet_tensorflow

    quiet_tensorflow()
    import keras_hub

    sizes = {name: size for name, size in SIZES.items() if name != "vocabulary_size"}
    network = keras_hub.models.ElectraBackbone(vocab_size=40, embedding_dim=16, **sizes)
    assert encoder_of(network) is None
