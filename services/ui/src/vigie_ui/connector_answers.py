"""What the API answers about where posts come from."""

from datetime import datetime

from vigie_ui.answers import Answer


class Connector(Answer):
    """One live source; `error` is what it met with last, in the words of engineers."""

    name: str
    source: str
    state: str
    taken: int = 0
    last_taken_at: datetime | None = None
    error: str | None = None


class Connectors(Answer):
    """All of them, in the order of the settings."""

    connectors: tuple[Connector, ...] = ()
