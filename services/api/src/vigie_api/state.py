"""What one application holds, from its lifespan's start to its end."""

from dataclasses import dataclass

from fastapi import Request

from vigie_api.alerts.book import AlertBook
from vigie_api.alerts.courier import Courier
from vigie_api.champion.evidence import Shelf
from vigie_api.champion.moves import MoveTrail
from vigie_api.champion.promotion import Promoter
from vigie_api.champion.refresh import Refresher
from vigie_api.champion.registry import Registry
from vigie_api.champion.serving import Serving
from vigie_api.champion.versions import Versions
from vigie_api.connectors.fleet import Fleet
from vigie_api.database.engine import Database
from vigie_api.drift.watch import DriftWatch
from vigie_api.episodes.keeper import WatchKeeper
from vigie_api.feedback.desk import FeedbackDesk
from vigie_api.mentions.desk import MentionDesk
from vigie_api.mentions.scorer import MentionScorer
from vigie_api.mentions.waiting import Waiting
from vigie_api.prediction.predictor import Predictor
from vigie_api.prediction.recorder import Recorder
from vigie_api.scoring.desk import ScoreDesk
from vigie_api.settings import Settings
from vigie_api.shadow.shadow import Shadow
from vigie_api.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases and what they share."""

    settings: Settings
    metrics: Metrics
    database: Database
    recorder: Recorder
    serving: Serving
    versions: Versions
    refresher: Refresher
    registry: Registry
    shelf: Shelf
    promoter: Promoter
    trail: MoveTrail
    drift: DriftWatch
    shadow: Shadow
    predictor: Predictor
    alerts: AlertBook
    watch: WatchKeeper
    courier: Courier
    feedback: FeedbackDesk
    mentions: MentionDesk
    waiting: Waiting
    scorer: MentionScorer
    scoring: ScoreDesk
    connectors: Fleet


def services(request: Request) -> Services:
    """The services of the application that got this request."""
    found: Services = request.app.state.services
    return found
