"""A few hundred made-up posts, quick to fit, and an encoder of a few thousand numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

GOOD = ["good", "great", "lovely", "merci", "parfait", "smooth", "happy", ":)"]
BAD = ["bad", "awful", "late", "retard", "nul", "rude", "lost", ":("]
NEUTRAL = ["flight", "the", "crew", "vol", "seat", "to", "Paris", "a", "@vigie", "le", "bagage"]


@pytest.fixture(scope="session")
def posts() -> tuple[list[str], np.ndarray]:
    random = np.random.default_rng(7)
    labels = random.integers(0, 2, 240)
    texts = []
    for label in labels:
        words = [*random.choice(NEUTRAL, 4), *random.choice(GOOD if label else BAD, 2)]
        if random.random() < 0.15:  # some posts say the opposite of their label
            words[-2:] = random.choice(BAD if label else GOOD, 2)
        random.shuffle(words)
        texts.append(" ".join(words))
    return texts, labels


@pytest.fixture(scope="session")
def tiny_distilbert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Hugging Face folder of an encoder that knows the words of the posts."""
    folder = tmp_path_factory.mktemp("encoders") / "distilbert"
    return write_tiny_distilbert(folder, [word for word in [*GOOD, *BAD, *NEUTRAL] if word.isalpha()])


_WIDTH, _LAYERS, _HEADS, _INNER, _LONGEST = 16, 2, 2, 32, 64


def write_tiny_distilbert(folder: Path, words: list[str]) -> Path:
    """A DistilBERT folder as `transformers` would write it; random weights, seeded."""
    from safetensors.numpy import save_file

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    rng = np.random.default_rng(3)

    def matrix(*shape: int) -> np.ndarray:
        return rng.normal(0.0, 0.2, shape).astype(np.float32)

    weights: dict[str, np.ndarray] = {
        "embeddings.word_embeddings.weight": matrix(len(vocabulary), _WIDTH),
        "embeddings.position_embeddings.weight": matrix(_LONGEST, _WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(_LAYERS):
        here = f"transformer.layer.{layer}"
        norms += [f"{here}.sa_layer_norm", f"{here}.output_layer_norm"]
        for name in ("q_lin", "k_lin", "v_lin", "out_lin"):
            weights[f"{here}.attention.{name}.weight"] = matrix(_WIDTH, _WIDTH)
            weights[f"{here}.attention.{name}.bias"] = matrix(_WIDTH)
        weights[f"{here}.ffn.lin1.weight"], weights[f"{here}.ffn.lin1.bias"] = matrix(_INNER, _WIDTH), matrix(_INNER)
        weights[f"{here}.ffn.lin2.weight"], weights[f"{here}.ffn.lin2.bias"] = matrix(_WIDTH, _INNER), matrix(_WIDTH)
    for norm in norms:
        weights[f"{norm}.weight"] = np.ones(_WIDTH, dtype=np.float32)
        weights[f"{norm}.bias"] = np.zeros(_WIDTH, dtype=np.float32)
    folder.mkdir(parents=True)
    # KerasHub reads the names that a whole model gives them, and the mark that PyTorch's writer leaves.
    save_file(
        {f"distilbert.{name}": array for name, array in weights.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    config = {
        "model_type": "distilbert",
        "vocab_size": len(vocabulary),
        "dim": _WIDTH,
        "n_layers": _LAYERS,
        "n_heads": _HEADS,
        "hidden_dim": _INNER,
        "max_position_embeddings": _LONGEST,
        "dropout": 0.0,
        "attention_dropout": 0.0,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    return folder
