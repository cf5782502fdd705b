import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vigie_trainer.data.fetching import ARCHIVE, MEMBERS, Expected, fetch, unpack
from vigie_trainer.errors import Misuse, Unavailable


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for member in MEMBERS:
            packed.writestr(member, f"rows of {member}\n" * 10_000)
    return out.getvalue()


CONTENT = archive()
EXPECTED = Expected(len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Site:
    """A web server that sends CONTENT, badly when told to."""

    def __init__(self) -> None:
        self.ranges = True
        self.cut_after: list[int] = []  # bytes after which the next connections end
        self.status = 200
        self.content = CONTENT
        self.asked: list[str | None] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = self.headers.get("Range")
                site.asked.append(wanted)
                if site.status != 200:
                    self.send_error(site.status)
                    return
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and site.ranges else 0
                body = site.content[start:]
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(site.content) - 1}/{len(site.content)}")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: site.cut_after.pop(0)] if site.cut_after else body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/{ARCHIVE}"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.shutdown()
    site.server.server_close()
    site.thread.join()


def get(site: Site, target: Path, **options: int) -> bool:
    return fetch(site.url, target, EXPECTED, progress=lambda _: None, pause_s=0.0, **options)


def test_the_file_is_downloaded_verified_and_never_fetched_twice(site: Site, tmp_path: Path) -> None:
    seen: list[int] = []
    target = tmp_path / "deep" / ARCHIVE
    assert fetch(site.url, target, EXPECTED, progress=seen.append)
    assert target.read_bytes() == CONTENT
    assert seen[-1] == len(CONTENT)
    assert get(site, target) is False
    assert site.asked == [None]
    assert list(target.parent.iterdir()) == [target]


def test_a_download_that_breaks_goes_on_where_it_stopped(site: Site, tmp_path: Path) -> None:
    site.cut_after = [300_000, 100_000]
    assert get(site, tmp_path / ARCHIVE)
    assert (tmp_path / ARCHIVE).read_bytes() == CONTENT
    assert site.asked == [None, "bytes=300000-", "bytes=400000-"]


def test_the_next_command_goes_on_from_what_an_interrupted_one_left(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{ARCHIVE}.part").write_bytes(CONTENT[:500_000])
    assert get(site, tmp_path / ARCHIVE)
    assert site.asked == ["bytes=500000-"]
    assert (tmp_path / ARCHIVE).read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_of_it_again(site: Site, tmp_path: Path) -> None:
    site.ranges = False
    (tmp_path / f"{ARCHIVE}.part").write_bytes(b"x" * 400_000)
    assert get(site, tmp_path / ARCHIVE)
    assert (tmp_path / ARCHIVE).read_bytes() == CONTENT


def test_another_file_of_the_same_size_is_refused_and_removed(site: Site, tmp_path: Path) -> None:
    site.content = CONTENT[:-1] + b"!"
    with pytest.raises(Unavailable, match="not Sentiment140"):
        get(site, tmp_path / ARCHIVE)
    assert list(tmp_path.iterdir()) == []


def test_a_longer_file_is_refused_before_it_fills_the_disk(site: Site, tmp_path: Path) -> None:
    site.content = CONTENT * 3
    with pytest.raises(Unavailable, match="longer"):
        get(site, tmp_path / ARCHIVE)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_have_it_is_given_up_with_what_arrived_kept(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{ARCHIVE}.part").write_bytes(CONTENT[:500_000])
    site.status = 404
    with pytest.raises(Unavailable, match=r"status 404\). 0.5 of \d.\d MB are kept"):
        get(site, tmp_path / ARCHIVE, attempts=2)
    assert (tmp_path / f"{ARCHIVE}.part").stat().st_size == 500_000


def test_a_range_that_the_server_cannot_give_starts_again(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{ARCHIVE}.part").write_bytes(CONTENT[:500_000])
    site.status = 416
    with pytest.raises(Unavailable, match="shorter"):
        get(site, tmp_path / ARCHIVE, attempts=1)
    site.status = 200
    assert get(site, tmp_path / ARCHIVE)


def test_nobody_there_and_no_address_are_two_different_faults(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be downloaded"):
        fetch("http://127.0.0.1:1/x.zip", tmp_path / "x", EXPECTED, progress=print, attempts=1, pause_s=0)
    with pytest.raises(Misuse, match="--url"):
        fetch("ftp:/nowhere", tmp_path / "x", EXPECTED, progress=print, attempts=1, pause_s=0)


def test_both_csv_files_are_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / ARCHIVE
    packed.write_bytes(CONTENT)
    paths = unpack(packed, tmp_path)
    assert [path.name for path in paths] == list(MEMBERS)
    assert paths[0].read_text().startswith("rows of training")
    assert unpack(packed, tmp_path) == paths
    packed.write_bytes(b"no archive")
    with pytest.raises(Unavailable, match="unpacked"):
        unpack(packed, tmp_path)


def test_the_command_says_what_a_wrong_mirror_sent(site: Site, vigie, tmp_path: Path) -> None:
    done = vigie("data", "fetch", "--url", site.url, "--out", tmp_path / "corpus")
    assert done.code == 1
    assert "Traceback" not in done.err
