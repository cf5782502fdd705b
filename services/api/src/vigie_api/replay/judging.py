"""Which posts are negative: by given labels, or by the model, in batches."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from vigie_api.replay.errors import Misuse
from vigie_api.replay.reading import PostFile
from vigie_api.replay.sorting import Row

if TYPE_CHECKING:
    from vigie_api.settings import Settings

BATCH: Final = 1_000


class Model(Protocol):
    """The part of `vigie_model.Model` that is needed here."""

    def predict(self, texts: Sequence[str]) -> Any:
        """The verdicts on the texts, in order."""
        ...


@dataclass(slots=True)
class Judge:
    """Turns chunks into rows. Without a model the labels' codes go through, for what they mean is known at the end."""

    file: PostFile
    model: Model | None
    model_s: float = 0.0
    """Seconds that the model took."""
    negative: list[bool] = field(default_factory=lambda: [False, True])
    """What the labels of the rows mean; complete after the last row."""

    def rows(self) -> Iterator[list[Row]]:
        """The rows of the file, in lists of many; the label is the code of a given label, or 1 for negative.

        Raises:
            Misuse: what `PostFile` and its labels find wrong.
        """
        for chunk in self.file:
            labels = self._scored(chunk.text) if chunk.label is None else chunk.label.tolist()
            authors: Sequence[str | None] = chunk.author or [None] * len(labels)
            yield list(zip(chunk.at_s.tolist(), chunk.topic, labels, chunk.text, authors, strict=True))
        if self.model is None:
            self.negative = self.file.labels.negative()

    def _scored(self, texts: list[str]) -> list[int]:
        assert self.model is not None  # noqa: S101 - a file without labels is judged by a model
        began = time.perf_counter()
        labels: list[int] = []
        for start in range(0, len(texts), BATCH):
            verdicts = self.model.predict(texts[start : start + BATCH])
            labels.extend(int(verdict.sentiment == "negative") for verdict in verdicts)
        self.model_s += time.perf_counter() - began
        return labels


def open_model(folder: Path | None, settings: "Settings") -> tuple[Model, str]:
    """A model, and how to call it: the one in `folder`, or the champion that this machine served last.

    Raises:
        Misuse: there is none, or it is damaged.
    """
    import vigie_model
    from vigie_api.champion.registry import Registry
    from vigie_api.champion.source import RegistrySource, load_artifact

    if folder is not None:
        try:
            return load_artifact(folder, settings.model_threads), str(folder)
        except vigie_model.ArtifactError as error:
            raise Misuse(f"no model in {folder}: {error}") from error
    found = RegistrySource(
        Registry(settings), settings.model_cache_dir, lambda kept: load_artifact(kept, settings.model_threads)
    ).remembered()
    if found is None:
        raise Misuse(
            f"no champion in {settings.model_cache_dir}: start `vigie-api serve` once, "
            "or give --model FOLDER or --label-column NAME."
        )
    release, model = found
    return model, f"version {release.version} ({release.recipe})"
