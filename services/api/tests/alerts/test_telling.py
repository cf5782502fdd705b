"""What telemetry hears of an alert."""

import pytest

from vigie_api.alerts.book import AlertBook
from vigie_api.alerts.courier import Courier
from vigie_api.alerts.post import mail_domain, policy_of
from vigie_api.telemetry.events import Telemetry

pytestmark = pytest.mark.anyio


@pytest.fixture
async def tell(database, mailing, heard):
    """Raises an alert with this evidence, and gives the event that telemetry hears."""
    book = AlertBook(database, policy_of(mailing), mail_domain=mail_domain(mailing))
    courier = Courier(database, Telemetry([heard]), None, retry_s=0.1)

    async def told(kind, evidence):
        assert await book.raise_alert(kind, "2026-11-22/3", evidence, "3")
        while await courier.deliver_one("event"):
            pass
        return heard.events[-1]

    return told


async def test_drift_says_the_measure_that_is_furthest_from_the_reference(tell):
    measures = [
        {"name": "score", "value": 0.31, "threshold": 0.25},
        {"name": "language", "value": 0.62, "threshold": 0.25},
    ]

    event = await tell("drift", {"day": "2026-11-22", "predictions": 900, "measures": measures})

    assert (event.kind, event.model_version, event.day) == ("drift", "3", "2026-11-22")
    assert (event.measure, event.value, event.threshold) == ("language", 0.62, 0.25)
    assert (event.topic, event.window_s) == (None, None)


async def test_evidence_that_says_nothing_of_it_leaves_it_out(tell):
    event = await tell("drift", {"why": "an older version"})

    assert (event.kind, event.day, event.measure, event.value) == ("drift", None, None, None)


async def test_what_is_in_the_evidence_of_another_kind_is_not_told(tell):
    event = await tell("operations", {"topic": "not to be told", "measures": [{"name": "score"}]})

    assert (event.kind, event.topic, event.measure) == ("operations", None, None)
