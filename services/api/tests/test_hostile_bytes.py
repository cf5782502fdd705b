"""Whatever strangers send is taken or refused, and nothing else happens: each parser, with anything."""

import contextlib
import json
import struct
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from vigie_api.connectors.bluesky import BlueskyOptions, BlueskySource
from vigie_api.connectors.source import SourceError, Tray
from vigie_api.connectors.x import XOptions, XSource, _BadQuery
from vigie_api.mentions.csv_file import Mapping, MentionFile
from vigie_api.problem import MalformedJson
from vigie_api.protocols.mlflow_body import texts_of_csv, texts_of_json
from vigie_api.protocols.tensors import OUTPUTS, read
from vigie_api.protocols.texts import InvalidInput, checked
from vigie_api.replay.errors import Misuse
from vigie_api.replay.times import TimeReader
from vigie_api.settings import Settings

LIMITS = Settings()
REFUSALS = (InvalidInput, MalformedJson)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(["text", "BYTES", "1"])
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
TEXTS = st.lists(st.text(max_size=30), max_size=5)


def _or(strategy):
    """What belongs there, or anything at all."""
    return strategy | ANYTHING


def _object(**fields):
    """An object with some of these fields, each what belongs there or anything."""
    return st.fixed_dictionaries({}, optional={name: _or(strategy) for name, strategy in fields.items()})


ROWS = st.lists(st.lists(_or(st.text(max_size=20)), max_size=3), max_size=4)
RECORDS = st.lists(_object(text=st.text(max_size=20)), max_size=4)
MLFLOW = _object(
    dataframe_split=_object(columns=st.just(["text"]), data=ROWS, index=st.lists(st.integers(), max_size=4)),
    dataframe_records=RECORDS,
    instances=TEXTS | RECORDS,
    inputs=TEXTS | RECORDS | _object(text=TEXTS),
    params=st.none(),
)
TENSOR = _object(
    name=st.just("text"),
    datatype=st.just("BYTES"),
    shape=st.lists(st.integers(-1, 5), max_size=3),
    parameters=_object(binary_data_size=st.integers(0, 40), content_type=st.sampled_from(["str", "pd", "base64"])),
    data=TEXTS,
)
QUESTION = _object(
    id=st.text(max_size=10),
    parameters=_object(binary_data_output=st.booleans(), content_type=st.just("pd")),
    inputs=st.lists(_or(TENSOR), max_size=2),
    outputs=st.lists(_object(name=st.sampled_from([*OUTPUTS, "prediction_id", "x"])), max_size=3),
)
CSV = st.lists(
    st.lists(st.text(alphabet='ab,;"\n\r\t\0é', max_size=8) | st.just("2026-03-02 08:15"), min_size=1, max_size=4),
    max_size=6,
)
EVENT = _object(
    did=st.text(max_size=10),
    time_us=st.integers(-(10**20), 10**20),
    commit=_object(
        operation=st.just("create"),
        collection=st.just("app.bsky.feed.post"),
        rkey=st.text(max_size=10),
        record=_object(text=st.just("airparadis"), createdAt=st.datetimes().map(str)),
    ),
)
POST = _object(
    id=st.integers(0, 10**19).map(str),
    text=st.just("airparadis"),
    created_at=st.datetimes().map(str),
    author_id=st.just("7"),
    note_tweet=_object(text=st.text(max_size=20)),
)
USER = _object(id=st.just("7"), username=st.just("anna"), public_metrics=_object(followers_count=st.integers()))
ANSWER = _object(data=st.lists(_or(POST), max_size=3), includes=_object(users=st.lists(_or(USER), max_size=3)))
FAULT = _object(
    title=st.text(max_size=9), errors=st.lists(_or(_object(parameters=_object(since_id=TEXTS))), max_size=3)
)


def _json(value):
    return json.dumps(value).encode()


def _sound(texts):
    assert 0 < len(texts) <= LIMITS.max_texts
    for text in texts:
        assert text.encode()
        assert "\0" not in text


@given(MLFLOW.map(_json) | st.binary(max_size=60))
@examples(max_examples=50)
def test_a_body_for_mlflow_gives_texts_or_a_problem(raw):
    with contextlib.suppress(REFUSALS):
        _sound(checked(texts_of_json(raw), LIMITS))


@given(CSV.map(lambda rows: ("text\n" + "\n".join(map(",".join, rows))).encode()) | st.binary(max_size=60))
@examples(max_examples=50)
def test_a_csv_for_mlflow_gives_texts_or_a_problem(raw):
    with contextlib.suppress(REFUSALS):
        _sound(checked(texts_of_csv(raw), LIMITS))


@given(
    QUESTION.map(_json) | st.binary(max_size=60),
    st.lists(st.binary(max_size=6)).map(lambda parts: b"".join(struct.pack("<I", len(p)) + p for p in parts))
    | st.binary(max_size=40),
    st.none() | st.integers(0, 300),
    st.booleans(),
)
@examples(max_examples=50)
def test_a_tensor_gives_texts_or_a_problem(head, tail, length, honest):
    try:
        question = read(head + tail, len(head) if honest else length, LIMITS.max_texts)
        _sound(checked(question.texts, LIMITS))
        assert question.shape[0] == len(question.texts)
    except REFUSALS:
        pass


@given(st.lists(st.binary(max_size=9), max_size=5), st.booleans())
def test_a_binary_tensor_gives_back_what_was_packed_into_it(parts, cut):
    tail = b"".join(struct.pack("<I", len(part)) + part for part in parts)
    tensor = {"name": "text", "datatype": "BYTES", "shape": [len(parts)], "parameters": {"binary_data_size": len(tail)}}
    head = _json({"inputs": [tensor]})
    try:
        found = read(head + (tail[:-1] if cut else tail), len(head), LIMITS.max_texts).texts
    except REFUSALS:
        found = None
    try:
        expected = None if cut and tail else [part.decode() for part in parts] or None
    except UnicodeDecodeError:
        expected = None
    assert found == expected


@pytest.fixture(scope="module")
def bluesky():
    return BlueskySource(BlueskyOptions(name="b", words={"Air Paradis": "airparadis"}))


@given(EVENT.map(_json) | st.binary(max_size=60).map(lambda raw: b'{"airparadis' + raw + b"}"))
@examples(max_examples=50)
def test_a_frame_of_bluesky_gives_a_mention_or_is_counted_or_passed_over(bluesky, frame):
    tray = Tray()
    bluesky._look(frame, tray)
    assert len(tray.mentions) + tray.malformed <= 1


@given(ANSWER)
@examples(max_examples=50)
def test_an_answer_of_x_gives_mentions_and_counts_the_rest(answer):
    source = XSource(XOptions(name="x", queries={"Air Paradis": "airparadis"}), "token")
    tray = Tray()
    ids = source._collect(answer, "Air Paradis", tray)
    posts = answer.get("data")
    assert len(ids) <= len(tray.mentions) + tray.malformed == (len(posts) if isinstance(posts, list) else 0)


@given(st.sampled_from([400, 401, 402, 403, 429, 500]), FAULT)
@examples(max_examples=50)
def test_a_refusal_of_x_is_one_that_the_runner_knows(status, answer):
    source = XSource(XOptions(name="x", queries={"Air Paradis": "airparadis"}), "token")
    assert isinstance(source._error(httpx.Response(status), answer), SourceError | _BadQuery)


@given(
    CSV.map(lambda rows: ("text,date\n" + "\n".join(map(",".join, rows))).encode())
    | CSV.map(lambda rows: "text;date\n".encode("utf-16") + "\n".join(map(";".join, rows)).encode("utf-16-le"))
    | st.binary(max_size=80).map(lambda raw: b"text,date\n" + raw)
    | st.binary(max_size=40)
)
@examples(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_of_posts_gives_mentions_or_tells_what_is_wrong_with_a_row(tmp_path, raw):
    path = tmp_path / "posts.csv"
    path.write_bytes(raw)
    try:
        file = MentionFile(path, Mapping(), TimeReader(ZoneInfo("UTC")), source=None, topic=None)
        mentions = list(file)
    except Misuse:
        return
    assert len(mentions) + file.faults.total == file.rows
    assert all(line.mention.created_at <= datetime.max.replace(tzinfo=UTC) for line in mentions)
