"""What is counted, sampled and derived before it is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from pydantic import ValidationError

from vigie_api.settings import Settings
from vigie_api.telemetry.appinsights.connection import parse_connection
from vigie_api.telemetry.appinsights.items import operation
from vigie_api.telemetry.appinsights.measures import Measures, quantile
from vigie_api.telemetry.appinsights.opencensus_exporter import duration
from vigie_api.telemetry.appinsights.sampling import Sampler

KEY = "11111111-2222-3333-4444-555555555555"


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 5), st.booleans()), max_size=200), st.floats(0, 3))
def test_what_is_sent_stands_for_everything_so_far(calls, every_s):
    sampler, now_s = Sampler(every_s), 0.0
    seen = {"a": 0, "b": 0}
    told = {"a": 0, "b": 0}
    for kind, step_s, failed in calls:
        now_s += step_s
        seen[kind] += 1
        count = sampler.take(kind, now_s, always=failed)
        told[kind] += count
        if count:
            assert told == told | {kind: seen[kind]}
        assert count or not failed


def test_a_kind_is_sent_at_most_once_in_its_time_and_every_time_without_one():
    sampler = Sampler(1.0)
    assert [sampler.take("k", now_s) for now_s in (0.0, 0.5, 0.9, 1.0, 1.1, 2.5)] == [1, 0, 0, 3, 0, 2]
    assert [Sampler(0.0).take("k", 0.0) for _ in range(3)] == [1, 1, 1]


def test_more_kinds_than_there_can_be_are_sent_each_rather_than_kept():
    sampler = Sampler(60.0)
    for kind in range(1_000):
        sampler.take(kind, 0.0)
    assert [sampler.take("new", 0.0), sampler.take("new", 0.0), sampler.take(1, 0.0)] == [1, 1, 0]


def test_measures_are_what_was_added_since_the_last_look_and_what_is_now():
    registry = CollectorRegistry()
    predictions = Counter("vigie_predictions", "p", ("sentiment", "model_version"), registry=registry)
    depth = Gauge("vigie_write_behind_depth", "d", registry=registry)
    Gauge("vigie_model_age_seconds", "a", registry=registry).set(float("nan"))
    Gauge("not_ours", "n", registry=registry).set(1)
    seconds = Histogram("vigie_request_seconds", "s", ("route",), buckets=(0.1, 0.2), registry=registry)
    measures = Measures(registry)
    predictions.labels("positive", "3").inc(5)
    depth.set(2)
    for value in (0.05, 0.15, 0.15, 0.15):
        seconds.labels("/v1/predict").observe(value)
    said = {(m.name, *m.properties.values()): m.value for m in measures.take(60.0)}
    assert said == {
        ("vigie.predictions", "positive", "3"): 5,
        ("vigie.write_behind.depth",): 2,
        ("vigie.request.p50_ms",): pytest.approx(133.3, abs=0.1),
        ("vigie.request.p95_ms",): pytest.approx(193.3, abs=0.1),
        ("vigie.request.p99_ms",): pytest.approx(198.7, abs=0.1),
    }
    predictions.labels("positive", "3").inc(1)
    assert {m.name: m.value for m in measures.take(120.0)} == {"vigie.predictions": 1, "vigie.write_behind.depth": 2}


@pytest.mark.parametrize(
    ("buckets", "share", "value"),
    [
        ({}, 0.5, None),
        ({1.0: 0, float("inf"): 0}, 0.5, None),
        ({1.0: 10, 2.0: 20, float("inf"): 20}, 0.75, 1.5),
        ({1.0: 0, float("inf"): 4}, 0.5, 1.0),
        ({1.0: 4, float("inf"): 4}, 0.0, 0.0),
    ],
)
def test_a_quantile_is_linear_within_its_bucket_as_prometheus_has_it(buckets, share, value):
    assert quantile(buckets, share) == value


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        (f"InstrumentationKey={KEY}", "https://dc.services.visualstudio.com"),
        (f"instrumentationkey={KEY.upper()};IngestionEndpoint=http://127.0.0.1:9/;", "http://127.0.0.1:9"),
        (f"InstrumentationKey={KEY};EndpointSuffix=ai.example;Location=west", "https://west.dc.ai.example"),
        (f"InstrumentationKey={KEY};EndpointSuffix=ai.example", "https://dc.ai.example"),
    ],
)
def test_a_connection_string_says_where_to_send(text, endpoint):
    found = parse_connection(text)
    assert (found.key, found.endpoint) == (KEY, endpoint)
    assert parse_connection(found.text) == found


@pytest.mark.parametrize("text", ["", "secret", f"InstrumentationKey={KEY};IngestionEndpoint=secret", "a=secret;b"])
def test_one_that_makes_no_sense_is_refused_without_being_quoted(text, tmp_path):
    with pytest.raises(ValueError, match="connection string") as refusal:
        parse_connection(text)
    assert "secret" not in str(refusal.value)


def test_the_standard_variable_is_read_and_ours_wins(monkeypatch, tmp_path):
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", f"InstrumentationKey={KEY}")
    assert Settings(home=tmp_path).appinsights.endpoint == "https://dc.services.visualstudio.com"
    ours = f"InstrumentationKey={KEY};IngestionEndpoint=http://ours"
    monkeypatch.setenv("VIGIE_API_APPINSIGHTS_CONNECTION_STRING", ours)
    assert Settings(home=tmp_path).appinsights.endpoint == "http://ours"
    monkeypatch.setenv("VIGIE_API_APPINSIGHTS_CONNECTION_STRING", "nonsense")
    with pytest.raises(ValidationError, match=r"\(or APPLICATIONINSIGHTS_CONNECTION_STRING\): the connection string"):
        Settings(home=tmp_path)


@given(st.text(max_size=80))
def test_every_request_id_has_operation_ids_of_the_shape_that_w3c_asks_for(request_id):
    found = operation(request_id)
    assert len(found.trace) == 32
    assert int(found.trace, 16)
    assert len(found.request) == 16
    assert int(found.request, 16)
    assert found == operation(request_id)


def test_an_id_of_our_own_is_kept_as_it_is():
    assert operation("0123456789abcdef" * 2).trace == "0123456789abcdef" * 2
    assert operation("a" * 16 + "0" * 16).request == "a" * 16


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0015, "0.00:00:00.001500"), (61.5, "0.00:01:01.500000"), (90_061, "1.01:01:01.000000")]
)
def test_a_duration_is_written_as_the_schema_wants_it(seconds, text):
    assert duration(seconds) == text
