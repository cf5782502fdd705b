"""Times of any usual form are read to the second."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigie_api.replay.times import TimeReader

AT = datetime(2015, 2, 24, 19, 35, 52, tzinfo=UTC).timestamp()


def read(*texts, zone="UTC"):
    return TimeReader(ZoneInfo(zone)).read(pd.Series(list(texts), dtype=str)).tolist()


@pytest.mark.parametrize(
    "text",
    [
        "2015-02-24 11:35:52 -0800",
        "2015-02-24T11:35:52-08:00",
        "2015-02-24T19:35:52Z",
        "2015-02-24T19:35:52.000Z",
        "2015-02-24 19:35:52+00:00",
        "2015-02-24 19:35:52",
        "2015-02-24 19:35:52 UTC",
        "Tue Feb 24 11:35:52 -0800 2015",
        "Tue Feb 24 11:35:52 PST 2015",
        "Tue, 24 Feb 2015 19:35:52 GMT",
        "24 Feb 2015 19:35:52",
        "02/24/2015 19:35:52",
        "24/02/2015 19:35:52",
        "24.02.2015 19:35:52",
        "1424806552",
        "1424806552000",
        "1424806552000000000",
        "1424806552.0",
    ],
)
def test_every_usual_form_is_the_same_moment(text):
    assert read(text) == [AT]


def test_summer_time_in_the_pacific_is_understood():
    assert read("Mon Apr 06 22:19:45 PDT 2009") == [datetime(2009, 4, 7, 5, 19, 45, tzinfo=UTC).timestamp()]


def test_forms_may_mix_in_a_column():
    mixed = read("2015-02-24 11:35:52 -0800", "1424806552", "2015-02-24 19:35:52", "Tue Feb 24 11:35:52 -0800 2015")
    assert mixed == [AT] * 4


def test_times_without_an_offset_are_of_the_zone_that_was_named():
    assert read("2015-02-24 20:35:52", "2015-02-24T19:35:52Z", zone="Europe/Paris") == [AT, AT]


def test_hours_that_a_clock_shows_twice_or_never_are_read_too():
    assert not np.isnan(read("2026-10-25 02:30:00", "2026-03-29 02:30:00", zone="Europe/Paris")).any()


@pytest.mark.parametrize("text", ["", "yesterday", "12", "0001-01-01 00:00:00", "2015-13-45", "1970-01-01"])
def test_what_is_no_time_of_a_post_is_no_number(text):
    assert np.isnan(read(text)).all()


def test_a_day_above_twelve_tells_which_number_is_the_day():
    both = read("03/04/2015 00:00:00", "24/02/2015 19:35:52")
    assert both[0] == datetime(2015, 4, 3, tzinfo=UTC).timestamp()
    assert read("03/04/2015 00:00:00") == [datetime(2015, 3, 4, tzinfo=UTC).timestamp()]


@settings(deadline=None, max_examples=60)
@given(
    moments=st.lists(st.integers(700_000_000, 4_000_000_000), min_size=1, max_size=20),
    form=st.sampled_from(["%Y-%m-%dT%H:%M:%S+00:00", "%a %b %d %H:%M:%S +0000 %Y", "%Y-%m-%d %H:%M:%S", "%s"]),
)
def test_a_time_written_in_any_form_is_read_back(moments, form):
    written = [str(at) if form == "%s" else datetime.fromtimestamp(at, UTC).strftime(form) for at in moments]
    assert read(*written) == moments
