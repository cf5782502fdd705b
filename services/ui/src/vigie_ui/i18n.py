"""The catalogues of strings, and numbers and dates as each language writes them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any, Final, Literal, get_args

Language = Literal["fr", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

NBSP: Final = "\u00a0"
MINUS: Final = "\u2212"
NARROW_NBSP: Final = "\u202f"


def as_language(value: str | None) -> Language | None:
    """The supported language that `value` names (`fr`, `FR`, `fr-CA`), or None."""
    wanted = (value or "").split("-")[0].lower()
    return next((language for language in LANGUAGES if language == wanted), None)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every string of one language: `catalogue("verdict.title", name=…)`."""

    language: Language
    messages: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The string of `key` with its `{names}` filled in. An unknown key is a bug: KeyError."""
        message = self.messages[key]
        return message.format(**values) if values else message

    def plural(self, key: str, count: int) -> str:
        """The string of `key.one` or `key.other` for `count` things, with `{count}` filled in."""
        return self(f"{key}.{self._form(count)}", count=self.number(count))

    def _form(self, count: int) -> str:
        # French counts zero with the singular, English does not.
        return "one" if count == 1 or (count == 0 and self.language == "fr") else "other"

    def number(self, value: int) -> str:
        """A whole number with the language's thousands separator."""
        return f"{value:,}".replace(",", NARROW_NBSP) if self.language == "fr" else f"{value:,}"

    def percent(self, share: float) -> str:
        """A share in [0, 1] in per cent; never a flat 100 % for what is not certain."""
        value = round(share * 100)
        if value == 100 and share < 1:
            return self("number.over", value=99)
        return f"{value}{NBSP}%" if self.language == "fr" else f"{value}%"

    def share(self, share: float) -> str:
        """A share in [0, 1] in per cent, with one decimal."""
        return f"{self.decimal(share * 100, 1)}{NBSP}%" if self.language == "fr" else f"{share * 100:.1f}%"

    def decimal(self, value: float, places: int) -> str:
        """A number with so many decimals."""
        shown = f"{value:.{places}f}".replace("-", MINUS)
        return shown.replace(".", ",") if self.language == "fr" else shown

    def signed(self, value: float) -> str:
        """A number with one decimal and its sign, plus or minus."""
        shown = self.decimal(value, 1)
        return shown if shown.startswith(MINUS) else f"+{shown}"

    def moment(self, at: datetime, now: datetime) -> str:
        """When something happened: the time, with the day in front unless it is today's. Both in one time zone."""
        if self.language == "fr":
            clock = f"{at.hour}{NBSP}h{NBSP}{at.minute:02d}"
        else:
            clock = f"{(at.hour - 1) % 12 + 1}:{at.minute:02d}{NBSP}{'am' if at.hour < 12 else 'pm'}"
        if at.date() == now.date():
            return self("date.today", time=clock)
        return self("date.day_and_time", day=at.day, month=self(f"date.month.{at.month}"), time=clock)

    def day(self, iso: str) -> str:
        """A day such as `2026-11-22` in words; what is no day stays as it is."""
        try:
            found = date.fromisoformat(iso)
        except ValueError:
            return iso
        return self("date.day", day=found.day, month=self(f"date.month.{found.month}"))


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


@cache
def load_catalogue(language: Language) -> Catalogue:
    """The catalogue of one language, read once."""
    text = resources.files("vigie_ui").joinpath("locales", f"{language}.toml").read_text(encoding="utf-8")
    return Catalogue(language, _flat(tomllib.loads(text)))
