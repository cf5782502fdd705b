"""Exports: every match once, readable by Excel, harmless in it, and reversible."""

import csv
import io
import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_api.access.keys import new_key
from vigie_api.feedback.export import COLUMNS, _as_csv, file_name, guarded, preferred, unguarded
from vigie_api.feedback.listing import FIELDS
from vigie_api.feedback.schema import FeedbackOut
from vigie_api.settings import Settings

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
RUNS_AS_FORMULA = "=+-@\t\r"


@pytest.fixture
async def api(running, settings, database_url):
    """The application, on SQLite and on Postgres."""
    values = settings.model_dump() | {"database_url": database_url}
    async with running(Settings(**values)) as started:
        yield started


async def _say(api, prediction_id, verdict="wrong", **more):
    said = await api.client.post("/v1/feedback", json={"prediction_id": prediction_id, "verdict": verdict, **more})
    assert said.status_code == 201, said.text


def _verdict(text: str, comment: str) -> tuple:
    """A row as the database gives it, which writes out the times."""
    said = FeedbackOut(
        id="i",
        prediction_id="-p",
        verdict="wrong",
        correction=None,
        received_at=NOON,
        text=text,
        sentiment=None,
        score=0.25,
        language="fr",
        model_version="3",
        topic="=1+1",
        predicted_at=NOON,
        given_by="-ann",
        comment=comment,
    )
    times = {"received_at": NOON.isoformat(), "predicted_at": NOON.isoformat()}
    return (1, *(said.model_dump() | times).values())


def _rows(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf"), "Excel needs the byte order mark"
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.anyio
async def test_the_csv_has_every_match_a_row_each_in_pages(api, monkeypatch):
    monkeypatch.setattr("vigie_api.feedback.export._PAGE", 2)
    for number in range(5):
        await _say(api, f"p{number}", text='deux\nlignes, "é"', sentiment="negative", model_version="7")
    await _say(api, "fine", "correct")
    answer = await api.client.get("/v1/feedback?verdict=wrong&format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = _rows(answer.content)
    assert [row["prediction_id"] for row in rows] == ["p4", "p3", "p2", "p1", "p0"]
    assert tuple(rows[0]) == COLUMNS
    wanted = {"text": 'deux\nlignes, "é"', "correction": "positive", "given_by": "embedded", "score": ""}
    assert wanted.items() <= rows[0].items()
    assert rows[0]["received_at"].endswith("Z")


@pytest.mark.anyio
async def test_exports_narrow_by_topic_and_name_it(api):
    for number in range(3):
        await _say(api, f"p{number}", topic="=Air Paradis" if number else "Air Enfer")
    (row, other) = _rows((await api.client.get("/v1/feedback?format=csv&topic==Air%20Paradis")).content)
    assert (row["prediction_id"], row["topic"], other["prediction_id"]) == ("p2", "'=Air Paradis", "p1")
    (line,) = (await api.client.get("/v1/feedback?format=ndjson&topic=Air%20Enfer")).text.splitlines()
    assert json.loads(line)["topic"] == "Air Enfer"


@pytest.mark.anyio
async def test_an_export_of_nothing_is_the_head_alone(api):
    answer = await api.client.get("/v1/feedback", headers={"accept": "text/csv"})
    assert (answer.status_code, _rows(answer.content)) == (200, [])
    assert answer.content.decode("utf-8-sig").strip().split(",") == list(COLUMNS)


@pytest.mark.anyio
async def test_a_link_downloads_a_file_with_a_name_and_an_extension(api):
    await _say(api, "p")
    for kind in ("csv", "ndjson"):
        answer = await api.client.get(f"/v1/feedback?format={kind}", headers={"accept": "text/html,*/*"})
        assert answer.headers["content-disposition"].startswith('attachment; filename="vigie-feedback-2')
        assert answer.headers["content-disposition"].endswith(f'.{kind}"')
    ndjson = [json.loads(line) for line in answer.text.splitlines()]
    page = (await api.client.get("/v1/feedback?format=json", headers={"accept": "text/csv"})).json()["feedback"]
    assert ndjson == page


@pytest.mark.anyio
async def test_a_formula_that_somebody_tweeted_is_text_in_the_spreadsheet(api):
    evil = '=HYPERLINK("http://evil.example","Merci")'
    await _say(api, "-p", text=evil, comment="@SUM(A1)")
    (row,) = _rows((await api.client.get("/v1/feedback?format=csv")).content)
    assert (row["text"], row["comment"], row["prediction_id"]) == ("'" + evil, "'@SUM(A1)", "'-p")
    assert unguarded(row["text"]) == evil


@pytest.mark.anyio
async def test_every_verdict_bears_the_name_of_the_key_that_gave_it(running, settings):
    keys = {name: new_key(name, ["predict", "review"]) for name in ("ann", "bob")}
    ring = [json.loads(entry) for _, entry in keys.values()]
    async with running(Settings(**settings.model_dump() | {"keys": ring})) as api:
        for name, (secret, _) in keys.items():
            api.client.headers["authorization"] = f"Bearer {secret}"
            await _say(api, "p", "wrong", comment="same words")
            again = await api.client.post(
                "/v1/feedback", json={"prediction_id": "p", "verdict": "wrong", "comment": "same words"}
            )
            assert again.status_code == 200, f"{name} said it twice"
        (row,) = _rows((await api.client.get("/v1/feedback?format=csv")).content)
        assert row["given_by"] == "bob"


def test_an_export_has_the_fields_of_a_page_in_their_order():
    assert tuple(FeedbackOut.model_fields) == FIELDS
    assert set(COLUMNS) == set(FIELDS)


@given(TEXTS)
def test_a_guarded_cell_is_never_a_formula_and_gives_its_text_back(text):
    cell = guarded(text)
    assert cell[:1] not in set(RUNS_AS_FORMULA)
    assert unguarded(cell) == text


@pytest.mark.parametrize("evil", ["Merci;=1+1;vol", 'Merci;"=1+1;vol', "Merci\n=1+1", "Merci\t@A1;;+A1", ";'=A1;'vol'"])
def test_an_excel_that_cuts_at_semicolons_finds_no_formula_either(evil):
    as_cut = csv.reader(io.StringIO(_as_csv([_verdict(evil, evil)]).decode(), newline=""), delimiter=";")
    assert not any(cell[:1] in set(RUNS_AS_FORMULA) for row in as_cut for cell in row)
    assert unguarded(guarded(evil)) == evil


@given(st.text("a;'\"=\t\n,", max_size=12))
def test_the_way_back_from_a_guarded_cell_is_exact(text):
    assert unguarded(guarded(text)) == text


@given(st.lists(st.builds(_verdict, TEXTS, TEXTS), max_size=5))
def test_whatever_was_written_is_read_back(verdicts):
    rows = list(csv.reader(io.StringIO(_as_csv(verdicts).decode(), newline="")))
    read = [dict(zip(COLUMNS, map(unguarded, row), strict=True)) for row in rows]
    places = [1 + FIELDS.index(name) for name in ("text", "comment")]
    assert [(row["text"], row["comment"]) for row in read] == [tuple(said[at] for at in places) for said in verdicts]
    assert not any(cell[:1] in set(RUNS_AS_FORMULA) for row in rows for cell in row if cell)


@pytest.mark.parametrize(
    ("accept", "asked", "kind"),
    [
        ("", None, "json"),
        ("*/*", None, "json"),
        ("text/csv", None, "csv"),
        ("Application/X-NDJSON; q=0.9, text/csv", None, "ndjson"),
        ("application/json, text/csv", None, "json"),
        ("text/html,application/xhtml+xml", "csv", "csv"),
        ("text/csv", "json", "json"),
    ],
)
def test_the_format_is_what_was_asked_for_in_the_address_or_else_accepted_first(accept, asked, kind):
    assert preferred(accept, asked) == kind


def test_a_file_is_named_after_its_day():
    assert file_name("csv", date(2026, 11, 22)) == "vigie-feedback-2026-11-22.csv"
