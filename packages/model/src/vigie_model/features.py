"""Feature blocks on disk: what the manifest says of them and the files they live in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from vigie_model.artifact import pack_arrays, unpack_arrays
from vigie_model.cleaning import Cleaner
from vigie_model.errors import ArtifactError
from vigie_model.tfidf import Block, TfidfFeatures


def describe_features(features: TfidfFeatures) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest's entry of the features, and their files."""
    blocks = []
    files: dict[str, bytes] = {}
    for number, block in enumerate(features.blocks):
        blocks.append(
            {
                "analyzer": block.analyzer,
                "ngrams": list(block.ngrams),
                "sublinear_tf": block.sublinear,
                "size": len(block.terms),
            }
        )
        files[f"terms_{number}.json"] = json.dumps(list(block.terms), separators=(",", ":")).encode()
        files[f"idf_{number}.npz"] = pack_arrays({"idf": block.idf})
    return {"kind": "tfidf", "blocks": blocks}, files


def load_features(entry: Mapping[str, Any], files: Mapping[str, bytes], cleaner: Cleaner) -> TfidfFeatures:
    """The features that a manifest describes. Raises ArtifactError for an unknown kind or an unsound file."""
    if entry.get("kind") != "tfidf":
        raise ArtifactError(f"Unknown features {entry.get('kind')!r}: this version of vigie_model knows tfidf.")
    try:
        blocks = [_load_block(number, block, files) for number, block in enumerate(entry["blocks"])]
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ArtifactError("The manifest's features are incomplete, or one of their files is.") from error
    return TfidfFeatures(cleaner, blocks)


def _load_block(number: int, entry: Mapping[str, Any], files: Mapping[str, bytes]) -> Block:
    if entry["analyzer"] not in ("word", "char_wb"):
        raise ArtifactError(f"Unknown analyzer {entry['analyzer']!r}: known are word and char_wb.")
    low, high = map(int, entry["ngrams"])
    if not 1 <= low <= high <= 10:
        raise ArtifactError(f"n-grams of {low} to {high} make no sense.")
    terms = json.loads(files[f"terms_{number}.json"])
    idf = unpack_arrays(files[f"idf_{number}.npz"], f"idf_{number}.npz")["idf"].astype(np.float64)
    if len(set(terms)) != len(terms) or idf.shape != (len(terms),) or len(terms) != entry["size"]:
        raise ArtifactError(f"The terms of block {number} and their weights do not match.")
    if not (np.isfinite(idf).all() and (idf > 0).all()):
        raise ArtifactError(f"The weights of block {number} are not all positive numbers.")
    return Block(entry["analyzer"], (low, high), [str(term) for term in terms], idf, bool(entry["sublinear_tf"]))
