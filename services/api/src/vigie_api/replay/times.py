"""Times in any usual form, a column at a time, as seconds since 1970.

Forms: ISO 8601 with or without an offset, Twitter's own ("Tue Feb 24 11:35:52 -0800 2015"), Sentiment140's ("Mon Apr 06
22:19:45 PDT 2009"), dates with slashes or dots, seconds, milliseconds or nanoseconds since 1970.
"""

import re
import warnings
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_ZONES: Final = {
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
_ZONE: Final = re.compile(rf"(?<![A-Za-z])({'|'.join(sorted(_ZONES, key=len, reverse=True))})(?![A-Za-z])")
_OFFSET: Final = r"[+-]\d\d:?\d\d$|[+-]\d\d$"
_ISO_WITH_OFFSET: Final = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d\d:?\d\d|Z)"
_TWITTER: Final = r"^[A-Za-z]{3},? ([A-Za-z]{3}) +(\d{1,2}) (\d\d:\d\d:\d\d) (?:([+-]\d{4}) )?(\d{4})$"
_SLASHES: Final = r"^(\d{1,2})[/.](\d{1,2})[/.](\d{2,4})(.*)$"
_EARLIEST_S: Final = 631_152_000.0  # 1990: before that there was nobody to post

Seconds = NDArray[np.float64]


@dataclass(slots=True)
class TimeReader:
    """Reads chunks of one column. `zone` is what times without an offset are in."""

    zone: ZoneInfo
    day_first: bool | None = None
    """Whether 3/4 is the third of April; None until a chunk tells (then: the fourth of March)."""

    def read(self, column: "pd.Series[str]") -> Seconds:
        """Seconds since 1970 of each row, float64; NaN where it is no time."""
        text = column.str.strip()
        numbers = pd.to_numeric(text, errors="coerce")
        if bool(numbers.notna().all()):
            return _since_1970(numbers.to_numpy(dtype=float))
        found = _since_1970(numbers.to_numpy(dtype=float, na_value=np.nan))
        rest = np.isnan(found)
        found[rest] = self._dates(text[rest])
        found[found < _EARLIEST_S] = np.nan
        return found

    def _dates(self, text: "pd.Series[str]") -> Seconds:
        text = text.fillna("").astype(str)
        if bool(text.str.fullmatch(_ISO_WITH_OFFSET).all()):  # the quick way for what most files hold
            return _parsed(text, None)
        text = text.str.replace(_ZONE, _as_offset, regex=True)
        if bool(text.str.match(r"[A-Za-z]{3},? [A-Za-z]").any()):
            text = text.str.replace(_TWITTER, r"\5 \1 \2 \3 \4", regex=True).str.strip()
        text = text.str.replace(r"\s+([+-]\d\d:?\d\d)$", r"\1", regex=True)
        text = self._without_slashes(text)
        aware = text.str.contains(_OFFSET, regex=True) & text.str.contains(":", regex=False)
        found = np.full(len(text), np.nan)
        for chosen, zone in ((aware.to_numpy(), None), (~aware.to_numpy(), self.zone)):
            if chosen.any():
                found[chosen] = _parsed(text[chosen], zone)
        return found

    def _without_slashes(self, text: "pd.Series[str]") -> "pd.Series[str]":
        parts = text.str.extract(_SLASHES)
        has = parts[0].notna()
        if not bool(has.any()):
            return text
        first, second = pd.to_numeric(parts[0][has]), pd.to_numeric(parts[1][has])
        if self.day_first is None and bool((first > 12).any() ^ (second > 12).any()):
            self.day_first = bool((first > 12).any())
        day, month = (first, second) if self.day_first else (second, first)
        year = parts[2][has].where(parts[2][has].str.len() == 4, "20" + parts[2][has].str[-2:])
        text = text.copy()
        text[has] = (
            year + "-" + month.astype(str).str.zfill(2) + "-" + day.astype(str).str.zfill(2) + parts[3][has].fillna("")
        )
        return text


def _as_offset(zone: "re.Match[str]") -> str:
    return f"{_ZONES[zone.group(1)]:+03d}00"


def _since_1970(numbers: Seconds) -> Seconds:
    """Seconds, from seconds, milli-, micro- or nanoseconds: which of them, the size tells."""
    found = numbers.copy()
    for digits in (1e17, 1e14, 1e11):
        large = np.abs(found) >= digits
        found[large] /= {1e17: 1e9, 1e14: 1e6, 1e11: 1e3}[digits]
    found[~(found >= _EARLIEST_S)] = np.nan
    return found


def _parsed(text: "pd.Series[str]", zone: ZoneInfo | None) -> Seconds:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pandas warns where it guesses; what fails is counted
        stamps = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=zone is None)
        missed = stamps.isna()
        if bool(missed.any()):
            again = pd.to_datetime(text[missed], format="mixed", errors="coerce", utc=True)
            if zone is not None:
                again = again.dt.tz_localize(None)
            stamps = stamps.astype(again.dtype)
            stamps[missed] = again
    if zone is not None:
        stamps = stamps.dt.tz_localize(zone, ambiguous=np.zeros(len(stamps), dtype=bool), nonexistent="shift_forward")
        stamps = stamps.dt.tz_convert("UTC")
    plain = stamps.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    seconds = plain.astype("int64").astype(float) / 1e6
    seconds[np.isnat(plain)] = np.nan
    return seconds
