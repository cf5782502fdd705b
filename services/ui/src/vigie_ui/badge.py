"""How many alerts are open, for the head of every page: asked for beside the page, which never waits for the answer."""

import threading
import time
from typing import Final, Protocol

import streamlit as st

from vigie_ui.alert_answers import Alerts
from vigie_ui.failures import ApiError

IN_HEAD: Final = "alerts_in_head"
"""Where the session keeps the number that its head shows."""
FRESH_S: Final = 10.0
RETRY_S: Final = 30.0
FIRST_WAIT_S: Final = 0.15
"""The very first page of a process may wait this long, so that the number is there at once when the API is well."""


class Api(Protocol):
    """Who knows the alerts."""

    def alerts(self, count: int, **filters: str | None) -> Alerts:
        """A page of alerts. Raises ApiError."""
        ...


class OpenAlerts:
    """The number of open alerts, as of some seconds ago; None while it is not known. Safe to share between threads."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._count: int | None = None
        self._ask_at = 0.0
        self._asking: threading.Thread | None = None

    def count(self) -> int | None:
        """The number known now. When it is old, it is asked for meanwhile, by one thread."""
        with self._lock:
            first = self._asking is None
            if time.monotonic() >= self._ask_at and (self._asking is None or not self._asking.is_alive()):
                self._asking = threading.Thread(target=self._ask, name="open-alerts", daemon=True)
                self._asking.start()
            asking = self._asking
        if first and asking is not None:
            asking.join(FIRST_WAIT_S)
        return self._count

    def set(self, count: int) -> None:
        """Take over a number that a page has just learned."""
        with self._lock:
            self._count = count
            self._ask_at = time.monotonic() + FRESH_S

    def _ask(self) -> None:
        try:
            self.set(self._api.alerts(1).open)
        except ApiError:
            # A number of who knows when would be worse than none.
            self._count = None
            self._ask_at = time.monotonic() + RETRY_S


@st.cache_resource(show_spinner=False)
def open_alerts(_api: Api, url: str) -> OpenAlerts:
    """The one counter of this process for an API."""
    return OpenAlerts(_api)
