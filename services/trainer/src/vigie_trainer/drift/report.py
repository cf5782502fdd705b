"""The report itself, made by Evidently. The one module that imports it: that takes many seconds.

Evidently counts its uses at a host of its makers unless DO_NOT_TRACK is set; it is set before the import. The page it
writes holds all its scripts, and asks nobody for anything.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from vigie_trainer.drift.columns import CATEGORIES, NUMBERS, Columns

NUMBER_METHOD, CATEGORY_METHOD = "psi", "jensenshannon"
_STATISTICS = {NUMBER_METHOD: "psi", CATEGORY_METHOD: "jensen_shannon"}


@dataclass(frozen=True, slots=True)
class Measure:
    """One column of the live predictions against the reference; `drift`: the value reaches the threshold."""

    name: str
    statistic: str
    value: float
    threshold: float

    @property
    def drift(self) -> bool:
        """Whether it is too far."""
        return self.value >= self.threshold

    def document(self) -> dict[str, Any]:
        """What --json shows."""
        return {
            "name": self.name,
            "statistic": self.statistic,
            "value": self.value,
            "threshold": self.threshold,
            "drift": self.drift,
        }


def compare(reference: Columns, live: Columns, threshold: float) -> tuple[list[Measure], str]:
    """Every column's measure, and the whole report as one HTML page.

    PSI for numbers, Jensen-Shannon distance for categories, as Evidently bins them.
    """
    with _quiet():
        from evidently import DataDefinition, Dataset, Report  # type: ignore[import-untyped] # it ships no types
        from evidently.presets import DataDriftPreset, DataSummaryPreset  # type: ignore[import-untyped] # as above
        from pandas import DataFrame

        definition = DataDefinition(numerical_columns=list(NUMBERS), categorical_columns=list(CATEGORIES))
        before, now = (
            Dataset.from_pandas(DataFrame(columns), data_definition=definition) for columns in (reference, live)
        )
        drift = DataDriftPreset(num_method=NUMBER_METHOD, cat_method=CATEGORY_METHOD, threshold=threshold)
        snapshot = Report([drift, DataSummaryPreset()], include_tests=False).run(now, before)
        found = [
            Measure(
                metric["config"]["column"],
                _STATISTICS[metric["config"]["method"]],
                round(float(metric["value"]), 6),
                threshold,
            )
            for metric in snapshot.dict()["metrics"]
            if metric["config"]["type"].endswith(":ValueDrift")
        ]
        return found, snapshot.get_html_str(as_iframe=False)


@contextmanager
def _quiet() -> Iterator[None]:
    os.environ["DO_NOT_TRACK"] = "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies; nothing that our user could mend
        from pandas.core.dtypes import common

        if not hasattr(common, "infer_dtype_from_object"):
            # pandas 3 took this private function away; Evidently 0.7.23 imports it for a test that is not used here.
            common.infer_dtype_from_object = _not_there  # type: ignore[attr-defined] # that it lacks it is the point
        yield


def _not_there(*_: object) -> None:
    raise AttributeError("pandas 3 has no infer_dtype_from_object")
