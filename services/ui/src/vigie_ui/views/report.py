"""The report of an episode, to be kept, printed or sent."""

import streamlit as st

from vigie_ui import markup
from vigie_ui.episode_answers import Episode
from vigie_ui.failures import ApiError
from vigie_ui.i18n import load_catalogue
from vigie_ui.views.lookout import Lookout


def report_button(lookout: Lookout, episode: Episode, words: str, key: str, *, quiet: bool = False) -> None:
    """A button that makes the report when it is pressed, and hands it over as a file."""
    st.download_button(
        words,
        lambda: _report(lookout, episode.id),
        file_name=f"vigie-{episode.opened_at.date().isoformat()}-{episode.id[:8]}.html",
        mime="text/html",
        key=key,
        icon=":material/download:",
        type="tertiary" if quiet else "secondary",
        on_click="ignore",
    )


def _report(lookout: Lookout, episode_id: str) -> bytes:
    say = load_catalogue(lookout.say.language)
    try:
        return lookout.api.episode_report(episode_id, say.language)
    except ApiError:
        page = markup.message("warn", say("episode.report_failed"), say("episode.failed_text"))
        return f'<!doctype html><html lang="{say.language}"><meta charset="utf-8">{page}</html>'.encode()
