"""Pictures of a run: confusion matrix, ROC curve, calibration curve, learning curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.scoring.metrics import calibration_bins, confusion_matrix, roc_auc, roc_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED, GREY = "#0b4f8a", "#c0392b", "#8a8f98"


def new_figure(width: float = 5.0, height: float = 4.2, columns: int = 1) -> "tuple[Figure, list[Axes]]":
    """A figure outside pyplot's global state, with quiet axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(np.atleast_1d(figure.subplots(1, columns)))
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def write_figures(folder: Path, labels: NDArray[np.int64], scores: NDArray[np.float64], title: str) -> None:
    """Write confusion_matrix.png, calibration_curve.png and, with both classes there, roc_curve.png."""
    folder.mkdir(parents=True, exist_ok=True)
    _confusion(labels, scores, title).savefig(folder / "confusion_matrix.png", dpi=120)
    _calibration(labels, scores, title).savefig(folder / "calibration_curve.png", dpi=120)
    if 0 < labels.sum() < len(labels):
        _roc(labels, scores, title).savefig(folder / "roc_curve.png", dpi=120)


def write_learning_curves(path: Path, curves: Mapping[str, Sequence[float]], title: str) -> None:
    """Write one line for each curve over its epochs."""
    figure, (axis,) = new_figure()
    for name, values in curves.items():
        axis.plot(range(1, len(values) + 1), values, marker="o", label=name)
    axis.set(title=title, xlabel="epoch")
    axis.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def _confusion(labels: NDArray[np.int64], scores: NDArray[np.float64], title: str) -> "Figure":
    matrix = np.asarray(confusion_matrix(labels, scores))
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    figure, (axis,) = new_figure()
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        share = shares[row, column]
        colour = "white" if share > 0.55 else "black"
        axis.text(column, row, f"{count:,}\n{share:.1%}", ha="center", va="center", color=colour)
    names = ["negative", "positive"]
    axis.set(title=title, xlabel="judged", ylabel="labelled", xticks=[0, 1], yticks=[0, 1])
    axis.set_xticklabels(names)
    axis.set_yticklabels(names)
    return figure


def _roc(labels: NDArray[np.int64], scores: NDArray[np.float64], title: str) -> "Figure":
    false_rate, true_rate = roc_curve(labels, scores)
    figure, (axis,) = new_figure()
    axis.plot([0, 1], [0, 1], color=GREY, linestyle=":")
    axis.plot(false_rate, true_rate, color=BLUE)
    axis.set(
        title=f"{title}: ROC AUC {roc_auc(labels, scores):.4f}",
        xlabel="negatives judged positive",
        ylabel="positives judged positive",
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
    )
    return figure


def _calibration(labels: NDArray[np.int64], scores: NDArray[np.float64], title: str) -> "Figure":
    bins = calibration_bins(labels, scores)
    figure, (axis,) = new_figure()
    axis.plot([0, 1], [0, 1], color=GREY, linestyle=":")
    axis.plot([one["mean_score"] for one in bins], [one["share_positive"] for one in bins], color=BLUE, marker="o")
    for one in bins:
        axis.annotate(
            f"{one['rows']:,.0f}",
            (one["mean_score"], one["share_positive"]),
            xytext=(6, -9),
            textcoords="offset points",
            fontsize=7,
            color=GREY,
        )
    axis.set(title=f"{title}: calibration", xlabel="mean score", ylabel="share of positives", xlim=(0, 1), ylim=(0, 1))
    return figure
