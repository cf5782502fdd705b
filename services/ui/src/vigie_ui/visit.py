"""What one visit has on every page: its clock, its time zone, and the judgements that are on their way."""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from vigie_ui.client import VigieClient
from vigie_ui.post import Post

LOOK_EVERY_S: Final = 2.0


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def visitors_zone() -> ZoneInfo:
    """The visitor's own time zone, as the browser says it."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def post() -> Post:
    """The judgements of this visit that the API does not have yet."""
    if "post" not in st.session_state:
        st.session_state["post"] = Post()
    found: Post = st.session_state["post"]
    return found


def remember_ways(routes: dict[str, "st.Page"]) -> None:
    """Keep the pages of this visit by their address."""
    st.session_state["ways"] = routes


def way_to(path: str) -> "st.Page":
    """The page of this address, for a link that stays in the visit: a plain one would begin another."""
    found: dict[str, st.Page] = st.session_state["ways"]
    return found[path]


@st.fragment(run_every=LOOK_EVERY_S)
def keep_sending(waiting: Post, api: VigieClient) -> None:
    """Try again, by the clock, to send what waits, whatever page is on show."""
    if waiting.due(now()):
        before = waiting.waiting()
        waiting.deliver(api, now())
        if waiting.waiting() != before:
            st.rerun(scope="app")
