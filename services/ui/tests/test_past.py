"""Past episodes: which ones are asked for, and the way to each and its report."""

from datetime import UTC, datetime

import pytest

from vigie_ui.past import PERIODS, SEVERITIES, Past

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
OVER = "019ab3c1-5f6e-7b32-9d0a-000000000903"


def asked(api) -> list[dict[str, str]]:
    found = [query for path, query in api.queries if path == "/v1/episodes"]
    return [query for query in found if query.get("state") == "closed"]


def test_a_period_begins_with_a_day():
    assert dict(Past("30d", "serious").query(NOW)) == {"since": "2026-10-23T00:00:00Z", "severity": "serious"}
    assert dict(Past().query(NOW)) == {"since": None, "severity": None}
    assert not Past().narrowed
    assert Past("30d").narrowed


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_every_choice_can_be_asked(period, severity):
    assert len(Past(period, severity).query(NOW)) == 2


def test_filters_are_in_what_is_asked(open_page, some_watch):
    page = open_page("veille", topic="TWEET")
    page.selectbox(key="past_period").set_value("30d").run()
    page.selectbox(key="past_severity").set_value("critical").run()
    query = asked(some_watch)[-1]
    assert (query["topic"], query["severity"]) == ("TWEET", "critical")
    assert query["since"].endswith("T00:00:00Z")


def test_filters_stay_when_they_leave_nothing(open_page, some_watch):
    page = open_page("veille")
    some_watch.episodes = some_watch.episodes[:2]
    page.selectbox(key="past_severity").set_value("critical").run()
    shown = "\n".join(element.proto.body for element in page.get("html"))
    assert "Aucun avec ces filtres." in shown
    assert page.selectbox(key="past_severity").value == "critical"


def test_a_past_episode_has_its_report_at_hand(open_page, some_watch):
    page = open_page("veille")
    labels = [button.proto.label for button in page.get("download_button")]
    assert labels.count("Rapport") == 1
    assert any(button.key == f"look_at_{OVER}" for button in page.button)


def test_nothing_is_to_be_answered_of_an_episode_found_afterwards(open_page, some_watch):
    some_watch.episodes[2]["past"] = True
    page = open_page("veille", episode=OVER)
    assert "acknowledge_episode" not in {button.key for button in page.button}
    assert "care_episode" in {button.key for button in page.button}
