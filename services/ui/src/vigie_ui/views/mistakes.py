"""What the wrong verdicts have in common, and the files for a spreadsheet: the lower half of the page "Review"."""

from contextlib import suppress
from datetime import timedelta
from typing import Final

import streamlit as st

from vigie_ui import markup, review_markup
from vigie_ui.client import VigieClient
from vigie_ui.failures import ApiError, Reason
from vigie_ui.i18n import Catalogue
from vigie_ui.review_answers import Patterns
from vigie_ui.visit import now

FRESH_S: Final = 60
FILE_LASTS: Final = timedelta(minutes=2)
# What is exported, the verdict that it is limited to, and how its file is called.
EXPORTS: Final = (("export.all", None, "vigie-verdicts"), ("export.wrong", "wrong", "vigie-errors"))

Filters = dict[str, str | None]


def mistakes(say: Catalogue, api: VigieClient, url: str, filters: Filters) -> None:
    """Draw the patterns of the wrong verdicts, and the exports; nothing, when the page may not see them."""
    try:
        found = _patterns(api, url, filters["language"], filters["since"], filters["topic"])
    except ApiError as error:
        if error.reason is Reason.REFUSED:
            return
        found = None
    with st.container(key="mistakes"):
        with st.container(key="mistakes_head", horizontal=True, vertical_alignment="center"):
            st.html(markup.section(say("mistakes.title"), say("mistakes.note")))
            st.button(say("models.refresh"), key="refresh_mistakes", type="tertiary", on_click=_patterns.clear)
        _bars(say, found)
        _exports(say, api, filters)


@st.cache_resource(ttl=FRESH_S, max_entries=64, show_spinner=False)
def _patterns(_api: VigieClient, url: str, language: str | None, since: str | None, topic: str | None) -> Patterns:
    return _api.patterns(language=language, since=since, topic=topic)


def known_topics(api: VigieClient, url: str) -> list[str]:
    """The topics that are watched or were judged, in alphabetical order; those that can be found out."""
    found: set[str] = set()
    with suppress(ApiError):
        found.update(row.topic for row in _patterns(api, url, None, None, None).by_topic if row.topic is not None)
    with suppress(ApiError):
        found.update(_watched(api, url))
    return sorted(found, key=str.casefold)


@st.cache_resource(ttl=FRESH_S, max_entries=4, show_spinner=False)
def _watched(_api: VigieClient, url: str) -> tuple[str, ...]:
    return tuple(one.topic for one in _api.topics().topics)


def _bars(say: Catalogue, found: Patterns | None) -> None:
    if found is None:
        st.html(markup.quiet(say("live.missing")))
        return
    if not found.wrong:
        words = "mistakes.none_wrong" if found.judged else "mistakes.none_judged"
        st.html(markup.quiet(say(words)))
        return
    st.html(review_markup.shares(found, say))
    if any(row.topic is not None for row in found.by_topic):
        st.html(review_markup.topic_shares(found, say))
    languages = list(dict.fromkeys(term.language for term in found.terms))
    if not languages:
        st.html(markup.quiet(say("mistakes.no_term")))
        return
    columns = "".join(review_markup.terms(found.terms, code, say) for code in languages)
    st.html(f'<div class="v-patterns">{columns}</div>')


def _exports(say: Catalogue, api: VigieClient, filters: Filters) -> None:
    # Prepared when asked for: it may be long, and the page is drawn again at every click.
    with st.container(key="exports", horizontal=True, vertical_alignment="center"):
        for words, verdict, name in EXPORTS:
            wanted = (verdict, filters["language"], filters["since"], filters["topic"])
            ready = st.session_state.get(f"export_{name}")
            if isinstance(ready, tuple) and ready[0] == wanted and now() - ready[2] < FILE_LASTS:
                st.download_button(
                    say("export.save", size=_size(len(ready[1]), say)),
                    ready[1],
                    file_name=f"{name}-{now().date().isoformat()}.csv",
                    mime="text/csv",
                    key=f"save_{name}",
                    icon=":material/download:",
                    type="primary",
                    on_click="ignore",
                )
            else:
                st.button(
                    say(words),
                    key=f"export_button_{name}",
                    icon=":material/table_view:",
                    on_click=_prepare,
                    args=(api, name, wanted),
                )
    for _, _, name in EXPORTS:
        failed = st.session_state.pop(f"export_failed_{name}", None)
        if isinstance(failed, ApiError):
            words = "export.long" if failed.reason is Reason.LONG else "export.failed"
            st.html(markup.message("warn", say("export.failed_title"), say(words), urgent=True))


def _prepare(api: VigieClient, name: str, wanted: tuple[str | None, str | None, str | None, str | None]) -> None:
    verdict, language, since, topic = wanted
    try:
        file = api.verdicts_csv(verdict=verdict, language=language, since=since, topic=topic)
    except ApiError as error:
        st.session_state[f"export_failed_{name}"] = error
        return
    st.session_state[f"export_{name}"] = (wanted, file, now())


def _size(count: int, say: Catalogue) -> str:
    return say("export.size", count=say.number(max(1, round(count / 1000))))
