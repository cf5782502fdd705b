"""`vigie-api ingest` sends a CSV file to a running API: once, however often it is run, and says what it left out."""

import gzip
import hashlib
import json
import threading
import time
from datetime import UTC, datetime

import httpx
import pytest
from typer.testing import CliRunner

from vigie_api.app import create_app
from vigie_api.cli import app
from vigie_api.mentions.csv_file import Faults, Line
from vigie_api.mentions.schema import MentionIn
from vigie_api.mentions.upload import Uploader, UploadFailed
from vigie_api.server import listen, worker
from vigie_api.settings import Settings

KEY = "vig_test"
ENTRY = {"name": "push", "scopes": ["ingest", "review"], "sha256": hashlib.sha256(KEY.encode()).hexdigest()}


@pytest.fixture
def address(settings, fixed):
    """An API on a port of its own, with a key."""
    served = Settings(**settings.model_dump() | {"keys": [ENTRY], "author_secret": "a secret of this test"})
    bound = listen("127.0.0.1", 0)
    server = worker(create_app(served, model_source=fixed), served)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    found = f"http://127.0.0.1:{bound.getsockname()[1]}"
    try:
        while not _ready(found):
            time.sleep(0.01)
        yield found
    finally:
        server.should_exit = True
        thread.join()
        bound.close()


def _ready(address):
    try:
        return httpx.get(f"{address}/readyz").json().get("database")
    except httpx.HTTPError:
        return False


@pytest.fixture
def ingest(address, monkeypatch):
    monkeypatch.setenv("VIGIE_API_URL", address)
    monkeypatch.setenv("VIGIE_API_KEY", KEY)

    def run(*arguments, **options):
        done = CliRunner().invoke(app, ["ingest", *map(str, arguments), "--json"], **options)
        return done, json.loads(done.stdout) if done.stdout.strip() else None

    return run


def _listed(address, **query):
    said = httpx.get(f"{address}/v1/mentions", params=query, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
    return said.json()["mentions"]


POSTS = """id,airline,when,tweet,who,seen,link
1,Air Paradis,2026-03-02 08:15,Lost my bag again,ann,12,https://example.org/1
2,Air Enfer,2026-03-02 08:16,"A text
of two lines",bob,,not an address
3,Air Paradis,whenever,No time,ann,1,
4,Air Paradis,2026-03-02 08:17,   ,ann,1,
5,Air Paradis,2026-03-02 08:18,Fine,ann,1,,,,
6,Air Paradis,2999-03-02 08:18,From the future,ann,1,
"""
COLUMNS = [
    *("--topic-column", "airline", "--time-column", "when", "--id-column", "id", "--author-column", "who"),
    *("--reach-column", "seen", "--url-column", "link", "--source", "x", "--timezone", "Europe/Paris"),
]


def test_posts_arrive_with_everything_the_columns_say_and_bad_rows_are_told_by_line(ingest, address, tmp_path):
    (tmp_path / "posts.csv").write_text(POSTS)
    done, said = ingest(tmp_path / "posts.csv", *COLUMNS)
    assert done.exit_code == 0, done.output
    counts = {name: said[name] for name in ("rows", "accepted", "duplicates", "left_out", "complete")}
    assert counts == {"rows": 6, "accepted": 2, "duplicates": 0, "left_out": 4, "complete": True}
    told = {fault["reason"].partition(":")[0]: fault["lines"] for fault in said["faults"]}
    assert told == {
        "no time that can be read": [5],
        "text": [6],
        "10 fields where the header has 7": [7],
        "refused": [8],
    }
    assert "1 no time that can be read: line 5" in done.stderr
    second, first = _listed(address)
    assert (first["external_id"], first["topic"], first["source"]) == ("1", "Air Paradis", "x")
    assert (first["reach"], first["url"]) == (12, "https://example.org/1")
    assert datetime.fromisoformat(first["created_at"]) == datetime(2026, 3, 2, 7, 15, tzinfo=UTC)
    assert (second["text"], second["reach"], second["url"]) == ("A text\nof two lines", None, None)


def test_the_same_file_again_doubles_nothing_even_without_a_column_of_ids(ingest, address, tmp_path):
    rows = "".join(f"2026-03-02 08:{minute:02},Merci {minute}\n" for minute in range(30))
    with gzip.open(tmp_path / "posts.csv.gz", "wt") as file:
        file.write("date,text\n" + rows + "2026-03-02 08:01,Merci 1\n")
    assert ingest(tmp_path / "posts.csv.gz")[1]["accepted"] == 30
    done, said = ingest(tmp_path / "posts.csv.gz", "--topic", "all")
    assert (done.exit_code, said["accepted"], said["duplicates"]) == (0, 0, 31)
    assert {mention["topic"] for mention in _listed(address)} == {"all"}


def test_excels_unicode_text_is_read(ingest, address, tmp_path):
    (tmp_path / "posts.txt").write_text("date\ttexte\n02/03/2026 08:15\tVol annulé, à l’aide\n", encoding="utf-16")
    assert ingest(tmp_path / "posts.txt")[1]["accepted"] == 1
    assert _listed(address)[0]["text"] == "Vol annulé, à l’aide"


def test_posts_are_read_from_stdin(ingest):
    done, said = ingest("-", "--topic", "Air Paradis", input="date;text\n2026-03-02;Merci\n")
    assert (done.exit_code, said["accepted"]) == (0, 1)


def test_what_makes_no_sense_is_said_in_one_sentence_with_exit_2(ingest, tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("date,text\nnever,Merci\n")
    for arguments, sentence in (
        ([file, "--text-column", "tweet"], "no column 'tweet'"),
        ([file, "--source", "No Name"], "--source takes up to 32"),
        ([file, "--topic", " x"], "--topic takes at most 64"),
        ([file, "--timezone", "Mars"], "--timezone 'Mars' is not known"),
        ([file, "--api-url", "localhost"], "--api-url is an address"),
        ([tmp_path / "none.csv"], "cannot read"),
        ([file], "1 rows, and no post in them"),
        ([file, "--api-key", "vig_wrong"], "no post in them"),
    ):
        done, _ = ingest(*arguments)
        assert (done.exit_code, sentence in done.stderr) == (2, True), done.output


def test_a_key_that_may_not_is_exit_2(ingest, tmp_path):
    (tmp_path / "posts.csv").write_text("date,text\n2026-03-02,Merci\n")
    done, said = ingest(tmp_path / "posts.csv", "--api-key", "vig_wrong")
    assert (done.exit_code, said["complete"]) == (2, False)
    assert "answered 401" in done.stderr


def _lines(count):
    posted = datetime(2026, 3, 2, tzinfo=UTC)
    for number in range(count):
        mention = MentionIn(source="x", external_id=str(number), topic="t", text="Merci", created_at=posted)
        yield Line(number, mention)


class Moods:
    """Answers as it is told, one after the other; then takes everything."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.lists = []

    def __call__(self, request):
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        mentions = json.loads(request.content)["mentions"]
        self.lists.append(len(mentions))
        return httpx.Response(202, json={"accepted": len(mentions), "duplicates": 0, "refused": []})


def _uploader(moods):
    waits = []
    client = httpx.Client(base_url="http://api", transport=httpx.MockTransport(moods))
    return Uploader(client, Faults(), sleep=waits.append), waits


def test_an_api_that_is_busy_or_away_for_a_while_is_waited_for_as_it_asks():
    moods = Moods(
        httpx.Response(429, headers={"Retry-After": "5"}),
        httpx.Response(503, headers={"Retry-After": "3"}),
        httpx.ConnectError("refused"),
        httpx.Response(502),
    )
    uploader, waits = _uploader(moods)
    (sent,) = uploader.send(_lines(3))
    assert (sent.accepted, waits) == (3, [5.0, 3.0, 2.0, 4.0])


def test_an_api_that_stays_away_is_given_up_and_what_was_sent_is_known():
    moods = Moods()
    uploader, waits = _uploader(moods)
    sending = uploader.send(_lines(2_500))
    next(sending)
    moods.answers = [httpx.ConnectError("refused")] * 7
    with pytest.raises(UploadFailed, match="does not answer"):
        next(sending)
    assert (uploader.sent.accepted, len(waits)) == (1_000, 6)


def test_lists_are_as_long_as_the_api_takes():
    moods = Moods()
    uploader, _ = _uploader(moods)
    assert [sent.total for sent in uploader.send(_lines(2_500))] == [1_000, 2_000, 2_500]
    long = [
        Line(number, line.mention.model_copy(update={"text": "é" * 10_000})) for number, line in enumerate(_lines(120))
    ]
    list(uploader.send(long))
    assert moods.lists == [1_000, 1_000, 500, 49, 49, 22]


@pytest.mark.parametrize("status", [404, 422])
def test_an_answer_that_no_repetition_changes_is_told_at_once(status):
    uploader, waits = _uploader(Moods(httpx.Response(status, text="<html>")))
    with pytest.raises(UploadFailed, match=f"answered {status}: no reason given"):
        list(uploader.send(_lines(1)))
    assert waits == []


def test_ctrl_c_is_told_with_what_is_in_already(ingest, tmp_path, monkeypatch):
    (tmp_path / "posts.csv").write_text("date,text\n" + "".join(f"2026-03-02,Merci {n}\n" for n in range(1_500)))
    taken = Uploader._post

    def interrupted(self, body):
        if self.sent.total:
            raise KeyboardInterrupt
        return taken(self, body)

    monkeypatch.setattr(Uploader, "_post", interrupted)
    done, said = ingest(tmp_path / "posts.csv")
    assert (done.exit_code, said["accepted"], said["complete"]) == (1, 1_000, False)
    assert "stopped. Run the same command again" in done.stderr
