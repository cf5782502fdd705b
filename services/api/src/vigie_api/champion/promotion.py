"""Moves the champion alias: only to a version that the gate passed, and leaving a trace."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from vigie_api.champion.moves import Action, Move, MoveTrail
from vigie_api.champion.registry import CHAMPION, PREVIOUS, NoChampion, Registry
from vigie_api.champion.serving import Release
from vigie_api.champion.source import judge
from vigie_api.telemetry.events import AliasMoved, Telemetry


@dataclass(frozen=True, slots=True)
class Moved:
    """Where the aliases point after a promotion or a rollback; `move` is None when nothing had to move."""

    champion: Release
    previous: Release | None
    move: Move | None = None


class Promoter:
    """Promotes and rolls back, one at a time."""

    def __init__(self, registry: Registry, trail: MoveTrail, telemetry: Telemetry) -> None:
        self._registry = registry
        self._trail = trail
        self._telemetry = telemetry
        self._one_at_a_time = asyncio.Lock()

    async def promote(self, version: str, *, by: str, reason: str) -> Moved:
        """Let `version` be champion. Promoting the champion again changes nothing.

        Raises NoSuchVersion, Refused or RegistryAway.
        """
        async with self._one_at_a_time:
            return await self._told(await asyncio.to_thread(self._promote, version, by, reason))

    async def rollback(self, *, by: str, reason: str) -> Moved:
        """Let the version behind `previous` be champion again, and remember the one that leaves.

        Raises NoChampion when there is no previous one, Refused or RegistryAway.
        """
        async with self._one_at_a_time:
            return await self._told(await asyncio.to_thread(self._rollback, by, reason))

    async def _told(self, moved: Moved) -> Moved:
        move = moved.move
        if move is not None:
            await self._trail.keep(move)
            self._telemetry.emit(AliasMoved(move.action, move.version, move.previous, move.by))
        return moved

    def _promote(self, version: str, by: str, reason: str) -> Moved:
        release = self._registry.release(version)
        judge(release)
        leaving = self._registry.aliased(CHAMPION)
        if leaving == release:
            return Moved(release, self._registry.aliased(PREVIOUS))
        return self._move("promote", release, leaving, by, reason)

    def _rollback(self, by: str, reason: str) -> Moved:
        release = self._registry.aliased(PREVIOUS)
        leaving = self._registry.aliased(CHAMPION)
        if release is None or release == leaving:
            raise NoChampion("There is no previous champion to go back to. Promote a version by number instead.")
        judge(release)
        return self._move("rollback", release, leaving, by, reason)

    def _move(self, action: Action, release: Release, leaving: Release | None, by: str, reason: str) -> Moved:
        # In this order a crash in between leaves the champion as it was, and a trace of what was meant.
        previous = None if leaving is None else leaving.version
        now = datetime.now(UTC)
        move = Move(now, action, release.version, release.recipe, previous, by, reason)
        self._registry.tag(release.version, move.tags())
        if leaving is not None:
            self._registry.point(PREVIOUS, leaving.version)
        self._registry.point(CHAMPION, release.version)
        return Moved(release, leaving, move)
