"""The pages, one module each: a module here that has a `PAGE` is a page, in the order of `PAGE.order`."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from vigie_ui.i18n import Catalogue
from vigie_ui.settings import UiSettings


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its place, its address, the catalogue's key of its name, and what draws it."""

    order: int
    path: str
    name_key: str
    render: Callable[[Catalogue, UiSettings], None]
    default: bool = False


def all_pages() -> list[Page]:
    """Every page of this package, in order."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return sorted((module.PAGE for module in modules if hasattr(module, "PAGE")), key=lambda page: page.order)
