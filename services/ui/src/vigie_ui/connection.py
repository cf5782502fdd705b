"""The one client of this process for an API."""

import streamlit as st

from vigie_ui.client import VigieClient
from vigie_ui.settings import UiSettings


def connect(settings: UiSettings) -> VigieClient:
    """The client for these settings; the same one every time."""
    key = settings.api_key.get_secret_value() if settings.api_key else None
    return _client(str(settings.api_url), key, settings.timeout_s)


@st.cache_resource(show_spinner=False)
def _client(url: str, key: str | None, timeout_s: float) -> VigieClient:
    return VigieClient(url, api_key=key, timeout_s=timeout_s)
