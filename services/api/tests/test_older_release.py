"""A release that was taken back starts on the schema of the one that came after it."""

import pytest
from sqlalchemy import inspect, text

from vigie_api.database.engine import open_engine
from vigie_api.database.migrate import migrate


@pytest.fixture
def newer(database_url):
    """A database that a later release has migrated: one revision and one column more."""
    engine = open_engine(database_url)
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("ALTER TABLE predictions ADD COLUMN of_tomorrow INTEGER"))
    yield engine
    engine.dispose()


def test_migrating_leaves_the_schema_of_a_newer_release_as_it_is(newer):
    assert migrate(newer) == "9999"
    assert migrate(newer) == "9999"
    assert "of_tomorrow" in {column["name"] for column in inspect(newer).get_columns("predictions")}


@pytest.mark.anyio
async def test_the_api_starts_on_it_and_keeps_verdicts(running, settings, newer):
    url = newer.url.render_as_string(hide_password=False)
    async with running(type(settings)(**settings.model_dump() | {"database_url": url})) as api:
        said = (await api.client.post("/v1/predict", json={"text": "merci"})).json()
        answer = await api.client.post("/v1/feedback", json={"prediction_id": said["id"], "verdict": "wrong"})

        assert answer.status_code == 201
        assert (await api.client.get("/readyz")).json()["database"] is True
