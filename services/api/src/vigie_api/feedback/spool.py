"""Feedback on disk while the database is away."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from vigie_api.database.disk_queue import DiskQueue
from vigie_api.feedback.table import Entry


class Spool(DiskQueue[Entry]):
    """Verdicts, a file each."""

    def name(self, item: Entry) -> str:
        """Its id."""
        return item.id

    def document(self, item: Entry) -> Any:
        """Its fields."""
        return asdict(item) | {"received_at": item.received_at.isoformat()}

    def item(self, document: Any) -> Entry:
        """The verdict that was written."""
        return Entry(**document | {"received_at": datetime.fromisoformat(document["received_at"])})
