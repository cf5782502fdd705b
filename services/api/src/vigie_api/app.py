"""The application: `create_app` builds, the lifespan opens and closes, `app.state` holds. Nothing happens at import."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from fastapi import FastAPI

from vigie_api import __version__, health, problem
from vigie_api.access.keys import Keyring
from vigie_api.access.rate import RateLimit
from vigie_api.access.route import Doorkeeper
from vigie_api.alerts import routes as alert_routes
from vigie_api.alerts.book import AlertBook
from vigie_api.alerts.courier import Courier
from vigie_api.alerts.post import mail_domain, policy_of, post_of
from vigie_api.champion import routes as champion_routes
from vigie_api.champion.evidence import Shelf
from vigie_api.champion.moves import MoveTrail
from vigie_api.champion.promotion import Promoter
from vigie_api.champion.refresh import Refresher
from vigie_api.champion.registry import Registry
from vigie_api.champion.serving import Serving
from vigie_api.champion.source import ModelSource, RegistrySource, load_artifact
from vigie_api.champion.versions import Versions
from vigie_api.connectors import routes as connector_routes
from vigie_api.connectors.fleet import Fleet
from vigie_api.database.engine import Database, is_away
from vigie_api.database.migrate import NotMigrated, migrate, migrated
from vigie_api.docs_page import add_docs_page
from vigie_api.drift import routes as drift_routes
from vigie_api.drift.watch import DriftWatch, drift_limits
from vigie_api.edge import Edge
from vigie_api.episodes import routes as episode_routes
from vigie_api.episodes.keeper import WatchKeeper
from vigie_api.episodes.metrics import WatchMetrics
from vigie_api.episodes.watcher import Watcher
from vigie_api.feedback import routes as feedback_routes
from vigie_api.feedback.desk import FeedbackDesk
from vigie_api.feedback.spool import Spool
from vigie_api.mentions import routes as mention_routes
from vigie_api.mentions.authors import author_hash
from vigie_api.mentions.desk import MentionDesk
from vigie_api.mentions.door import Door
from vigie_api.mentions.metrics import MentionMetrics
from vigie_api.mentions.scorer import MentionScorer
from vigie_api.mentions.spool import MentionSpool
from vigie_api.mentions.waiting import Waiting
from vigie_api.openapi import DESCRIPTION, TAGS, use_documented_openapi
from vigie_api.prediction import reading_routes as prediction_reading_routes
from vigie_api.prediction import routes as prediction_routes
from vigie_api.prediction.predictor import Predictor
from vigie_api.prediction.recorder import Recorder
from vigie_api.privacy.keeper import RetentionKeeper
from vigie_api.protocols import mlflow, open_inference
from vigie_api.review import routes as review_routes
from vigie_api.scoring import routes as scoring_routes
from vigie_api.scoring.desk import ScoreDesk
from vigie_api.settings import Settings
from vigie_api.shadow.metrics import ShadowMetrics
from vigie_api.shadow.shadow import Shadow
from vigie_api.state import Services
from vigie_api.telemetry.appinsights.sink import ApplicationInsights
from vigie_api.telemetry.backlog import BacklogGauges
from vigie_api.telemetry.calls import Calls
from vigie_api.telemetry.events import LogSink, Telemetry
from vigie_api.telemetry.metrics import Metrics, age_s

_log = logging.getLogger("vigie_api")
_MIGRATE_AGAIN_S = 2.0
_BACKLOG_S = 15.0  # as often as Prometheus asks
_NO_NATIVE_TELEMETRY = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}


def create_app(settings: Settings, *, model_source: ModelSource | None = None) -> FastAPI:
    """The API for these settings. `model_source` replaces the registry as the place the served model comes from.

    Opens nothing: the lifespan does. One application serves one event loop at a time.
    """
    metrics = Metrics()
    insights = _insights(settings, metrics)
    app = FastAPI(
        title="Vigie API",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=_lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        telemetry=_NO_NATIVE_TELEMETRY,  # type: ignore[arg-type] # a TypedDict with every key optional
    )
    app.state.settings = settings
    app.state.metrics = metrics
    app.state.insights = insights
    app.state.leaving = False
    app.state.model_source = model_source
    app.state.doorkeeper = Doorkeeper(Keyring(settings.keys), RateLimit(settings.rate_per_minute))
    app.add_middleware(
        Edge,
        metrics=metrics,
        insights=insights,
        max_body_bytes=settings.max_body_bytes,
        larger_bodies={"/v1/mentions": settings.max_mentions_body_bytes, "/v1/score": sys.maxsize},
        access_log_every=settings.access_log_every,
        root_path=settings.root_path,
    )
    problem.install(app)
    for router in (
        prediction_routes.router,
        scoring_routes.router,
        feedback_routes.taking,
        feedback_routes.reading,
        review_routes.router,
        alert_routes.router,
        episode_routes.router,
        mention_routes.taking,
        connector_routes.router,
        mention_routes.reading,
        champion_routes.router,
        prediction_reading_routes.router,
        drift_routes.router,
        mlflow.scoring,
        mlflow.probes,
        open_inference.inference,
        open_inference.metadata,
        health.router,
    ):
        # Not include_router: each level of inclusion matches the path again, and that is paid by every request.
        app.router.routes.extend(router.routes)
    use_documented_openapi(app)
    add_docs_page(app)
    return app


def _insights(settings: Settings, metrics: Metrics) -> ApplicationInsights | None:
    connection = settings.appinsights
    if connection is None:
        return None
    insights = ApplicationInsights(
        connection,
        settings.appinsights_exporter,
        metrics,
        sample_s=settings.appinsights_sample_s,
        with_text=settings.appinsights_text,
    )
    metrics.watch("vigie_telemetry_depth", "Items waiting for Application Insights.", lambda: insights.depth)
    return insights


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    async with AsyncExitStack() as stack:
        services = await _open(app, settings, stack)
        app.state.services = services
        for work in (
            _prepare_database(services.database, migrating=settings.migrate_on_start),
            services.recorder.run(),
            services.feedback.run(settings.spool_drain_s),
            services.mentions.run(settings.spool_drain_s),
            services.waiting.run(),
            services.scorer.run(),
            services.connectors.run(),
            services.courier.run("event"),
            services.courier.run("email"),
            services.refresher.run(settings.poll_s),
            services.shadow.run_follow(settings.poll_s),
            services.shadow.run(),
            services.trail.run(),
            services.drift.run(),
            *((services.watch.run(),) if settings.watch else ()),
            BacklogGauges(services.database, services.metrics).run(_BACKLOG_S),
            RetentionKeeper(settings, services.database, services.metrics.registry).run(),
        ):
            stack.push_async_callback(_cancel, asyncio.create_task(work))
        yield


async def _open(app: FastAPI, settings: Settings, stack: AsyncExitStack) -> Services:
    """Build everything; what must be closed is pushed on `stack`, in order of need."""
    metrics: Metrics = app.state.metrics
    insights: ApplicationInsights | None = app.state.insights
    telemetry = Telemetry([LogSink(), metrics])
    if insights is not None:
        await asyncio.to_thread(insights.open)
        stack.push_async_callback(asyncio.to_thread, insights.close)
        telemetry = Telemetry([LogSink(), metrics, insights])
    calls = Calls(metrics, insights)
    database = Database(settings.database_url, calls)
    stack.push_async_callback(database.close)
    recorder = Recorder(database, metrics, queue_size=settings.queue_size, flush_s=settings.flush_s)
    stack.push_async_callback(recorder.close)
    registry = Registry(settings, calls)
    trail = MoveTrail(registry, database)
    stack.push_async_callback(trail.close)
    shelf = Shelf(registry)
    stack.callback(shelf.close)
    serving = Serving()
    source = app.state.model_source or RegistrySource(
        registry, settings.model_cache_dir, lambda folder: load_artifact(folder, settings.model_threads)
    )
    refresher = Refresher(settings.model_name, source, serving, telemetry, within_s=settings.model_within_s)
    stack.callback(refresher.close)
    await refresher.start_from_cache()
    versions = Versions(
        settings.model_name, source, serving, recheck_s=settings.poll_s, within_s=settings.model_within_s
    )
    stack.callback(versions.close)
    shadow = Shadow(
        settings.model_name,
        source,
        serving,
        database,
        ShadowMetrics(metrics.registry),
        sample=settings.shadow_sample,
    )
    stack.push_async_callback(shadow.close)
    predictor = Predictor(settings, serving, versions, recorder, metrics, shadow)
    stack.callback(predictor.close)
    spool = None if settings.spool_dir is None else Spool(settings.spool_dir)
    metrics.watch("vigie_spool_depth", "Feedback waiting on disk.", lambda: 0 if spool is None else spool.depth)
    metrics.watch("vigie_model_age_seconds", "Since the served model was loaded.", lambda: _model_age_s(serving))
    metrics.watch(
        "vigie_model_checked_age_seconds", "Since the registry last answered.", lambda: age_s(refresher.checked_s)
    )
    mention_metrics = MentionMetrics(metrics.registry)
    waiting = Waiting(database, mention_metrics, settings.mentions_waiting)
    mention_desk = MentionDesk(
        database,
        None if settings.spool_dir is None else MentionSpool(settings.spool_dir),
        waiting,
        mention_metrics,
        Door(
            await asyncio.to_thread(author_hash, settings),
            max_chars=settings.max_text_chars,
            max_age=timedelta(days=settings.mentions_max_age_days),
        ),
    )
    scorer = MentionScorer(database, serving, mention_desk, waiting, shadow, metrics, mention_metrics)
    stack.callback(scorer.close)
    scoring = ScoreDesk(
        streams=settings.score_streams,
        workers=settings.score_workers,
        idle_s=settings.score_idle_s,
        stall_s=settings.score_stall_s,
        folder=settings.home / "api",
        most_waiting_bytes=settings.score_waiting_mb * 1_000_000,
    )
    stack.push_async_callback(scoring.close)
    metrics.watch("vigie_score_streams", "Streams being scored.", lambda: scoring.open)
    book = AlertBook(database, policy_of(settings), mail_domain=mail_domain(settings))
    watch = WatchKeeper(database, Watcher(book), WatchMetrics(metrics.registry), calls=calls)
    stack.push_async_callback(watch.close)
    return Services(
        settings=settings,
        metrics=metrics,
        database=database,
        recorder=recorder,
        serving=serving,
        versions=versions,
        refresher=refresher,
        registry=registry,
        shelf=shelf,
        promoter=Promoter(registry, trail, telemetry),
        trail=trail,
        drift=DriftWatch(database, serving, book, drift_limits(settings), metrics.registry),
        shadow=shadow,
        predictor=predictor,
        alerts=book,
        watch=watch,
        courier=Courier(database, telemetry, post_of(settings), retry_s=settings.mail_retry_s, calls=calls),
        feedback=FeedbackDesk(database, recorder, spool, book, telemetry, max_chars=settings.max_text_chars),
        mentions=mention_desk,
        waiting=waiting,
        scorer=scorer,
        scoring=scoring,
        connectors=Fleet(settings, database, mention_desk, metrics.registry),
    )


def _model_age_s(serving: Serving) -> float:
    return age_s(None if serving.current is None else serving.current.loaded_at.timestamp())


async def _prepare_database(database: Database, *, migrating: bool) -> None:
    """Migrate, or wait until a step of the release has: again and again, and predictions are answered meanwhile."""
    while not database.ready:
        try:
            revision = await asyncio.to_thread(migrate if migrating else migrated, database.engine)
        except NotMigrated as behind:
            _log.warning("waiting for the migration", extra={"reason": str(behind)})
        except Exception as error:
            if not is_away(error):
                _log.exception("the database could not be migrated; feedback is not taken")
                return
            _log.warning("the database is away; trying again")
        else:
            _log.info("the database is ready", extra={"revision": revision})
            database.ready = True
            return
        await asyncio.sleep(_MIGRATE_AGAIN_S)


async def _cancel(task: "asyncio.Task[None] | Coroutine[Any, Any, None]") -> None:
    assert isinstance(task, asyncio.Task)  # noqa: S101 - narrows the type for the next two lines
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
