"""Small pieces that run in the visitor's browser: the page's language, the live count, the copy button, the scroll.

They receive words and texts as data and set them as text; no HTML is ever made of what someone wrote.
"""

from importlib import resources
from typing import Final

import streamlit as st

from vigie_ui.client import MAX_TEXT_CHARS
from vigie_ui.i18n import Catalogue


def _asset(name: str) -> str:
    return resources.files("vigie_ui").joinpath("assets", name).read_text(encoding="utf-8")


_page: Final = st.components.v2.component("vigie_page", js=_asset("page.js"), isolate_styles=False)
_scroll: Final = st.components.v2.component("vigie_scroll", js=_asset("scroll.js"), isolate_styles=False)
_keys: Final = st.components.v2.component("vigie_keys", js=_asset("keys.js"), isolate_styles=False)
_counter: Final = st.components.v2.component(
    "vigie_counter",
    html='<p class="v-count" aria-live="off"></p>',
    js=_asset("counter.js"),
    isolate_styles=False,
)
_copy: Final = st.components.v2.component(
    "vigie_copy",
    html=(
        '<div class="v-copy"><button type="button"></button><p role="status"></p>'
        "<textarea readonly hidden></textarea></div>"
    ),
    js=_asset("copy.js"),
    isolate_styles=False,
)


def page_language(say: Catalogue) -> None:
    """Tell the browser and its screen reader which language the page is in."""
    _page(key="page_language", data={"language": say.language, "skip": say("app.skip")}, height=1)


def bring_into_view(target: str, *, turn: int) -> None:
    """Scroll until the element that the CSS selector `target` names is in view, once for every new `turn`."""
    _scroll(key="scroll", data={"target": target, "turn": turn}, height=1)


def keyboard(buttons: dict[str, str]) -> None:
    """Let keys click buttons: from the key's name in a browser to the button's key here.

    `{card}` in a button's key stands for the attribute `data-card` of what is on show: that key is meant for it alone.
    """
    _keys(key="keys", data={"keys": buttons}, height=1)


def live_count(say: Catalogue, *, box: str) -> None:
    """Count the characters of the text area whose key is `box`, as they are typed."""
    data = {
        "box": f".st-key-{box} textarea",
        "language": say.language,
        "limit": MAX_TEXT_CHARS,
        "one": say("count.one"),
        "other": say("count.other"),
        "over": say("count.over"),
    }
    _counter(key="live_count", data=data)


def copy_button(say: Catalogue, *, text: str, key: str) -> None:
    """A button that copies `text`, and shows it selected where the browser refuses."""
    words = {"button": "copy.button", "done": "copy.done", "refused": "copy.refused", "area": "copy.area"}
    _copy(key=key, data={"text": text, **{name: say(word) for name, word in words.items()}})
