"""All connectors of the settings: runs them, and says how they are."""

import asyncio
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from vigie_api.connectors import ledger
from vigie_api.connectors.metrics import ConnectorMetrics
from vigie_api.connectors.options import ConnectorOptions
from vigie_api.connectors.runner import Runner, Taker
from vigie_api.connectors.schema import ConnectorOut, ConnectorsOut
from vigie_api.database.engine import Database
from vigie_api.settings import Settings

_NOT_YET = ledger.Entry(cursor=None, state="waiting", taken=0, error=None, last_taken_at=None, held=False)


class Fleet:
    """The connectors of one process. Others may run the same ones: each is led by one process at a time."""

    def __init__(self, settings: Settings, database: Database, taker: Taker, registry: CollectorRegistry) -> None:
        self._options: Sequence[ConnectorOptions] = settings.connectors
        self._database = database
        # Of one that is switched off nothing is measured: that nobody runs it is no news.
        metrics = ConnectorMetrics(registry, [options.name for options in self._options if options.enabled])
        self._runners = [
            Runner(options.name, options.open(settings), database, taker, metrics)
            for options in self._options
            if options.enabled
        ]

    async def run(self) -> None:
        """Run those that are enabled, for ever."""
        await asyncio.gather(*(runner.run() for runner in self._runners))

    async def report(self) -> ConnectorsOut:
        """How each is. Raises DatabaseAway."""
        names = [options.name for options in self._options]
        entries = await self._database.read(ledger.read, names) if names else {}
        return ConnectorsOut(
            connectors=[_out(options, entries.get(options.name, _NOT_YET)) for options in self._options]
        )


def _out(options: ConnectorOptions, entry: ledger.Entry) -> ConnectorOut:
    state = "off" if not options.enabled else entry.state if entry.held or entry.state == "failing" else "waiting"
    return ConnectorOut(
        name=options.name,
        source=options.kind,
        topics=list(options.topics),
        state=state,
        taken=entry.taken,
        last_taken_at=entry.last_taken_at,
        error=entry.error if options.enabled else None,
    )
