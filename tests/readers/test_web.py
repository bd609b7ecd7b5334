"""Inputs on a web server that refuses, redirects, throttles and breaks off."""

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from archive_files import tar_of
from click.testing import CliRunner

from finner_batch.cli.main import commands
from finner_batch.errors import DocumentError, UsageError
from finner_batch.readers import web
from finner_batch.readers.copies import Copies
from finner_batch.readers.discover import discover
from finner_batch.readers.document import Source
from finner_batch.readers.forms import Forms
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.readers.web import check_user_agent
from finner_batch.results.ledger import Ledger
from finner_batch.runner.work_queue import Skipped, WorkQueue
from finner_batch.storage.place import place_of

AGENT = "Example Corp admin@example.com"


def submission(form):
    return f"<SEC-DOCUMENT>\n<TYPE>{form}\n<DOCUMENT>\n<TYPE>{form}\n<TEXT>\nText.\n</TEXT>\n</DOCUMENT>\n".encode()


PAGE = b"<html><body><p>The notes bear interest at 5.25%.</p></body></html>" + b"<p>More.</p>" * 5000
OK = (200, PAGE, {})
BROKEN_OFF = (200, PAGE[:1000], {"length": len(PAGE)})
ANSWERS = {
    "/page.htm": [OK],
    "/moved.htm": [(302, b"", {"Location": "/page.htm"})],
    "/circle.htm": [(302, b"", {"Location": "/circle.htm"})],
    "/busy.htm": [(429, b"slower", {"Retry-After": "0"}), (503, b"", {}), OK],
    "/always-busy.htm": [(503, b"", {})],
    "/forbidden.htm": [(403, b"Undeclared Automated Tool", {})],
    "/broken.htm": [BROKEN_OFF, BROKEN_OFF, OK],
    "/always-broken.htm": [BROKEN_OFF],
    "/10-k.txt": [(200, submission("10-K"), {})],
    "/8-k.txt": [(200, submission("8-K"), {})],
    "/rows.jsonl": [(200, b'{"id": "a", "text": "The notes bear interest at 5.25%."}\n', {})],
    "/rows.csv?download=1": [(200, b"id,text\na,The notes bear interest at 5.25%.\n", {})],
    "/cut-off.tar": [(200, tar_of({"page.htm": PAGE})[: 512 + -(-len(PAGE) // 512) * 512], {})],
    "/feed.tar?signed=1": [(200, tar_of({"page.htm": PAGE}), {})],
    "/feed.tar": [(200, tar_of({"page.htm": PAGE}), {})],
}
"""What the server answers the first time, the second, and so on; the last from then on."""


class Server(ThreadingHTTPServer):
    """Answers by path, and counts who asked for what."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = Counter()
        self.agents = set()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked[self.path] += 1
        self.server.agents.add(self.headers["User-Agent"])
        answers = ANSWERS.get(self.path, [(404, b"none here", {})])
        status, body, options = answers[min(self.server.asked[self.path], len(answers)) - 1]
        self.answer(status, body, **options)

    def answer(self, status, body, *, length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        if length is not None:
            self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(web, "_FIRST_WAIT_S", 0)
    monkeypatch.setattr(web, "_PACE", web._Pace(10_000))
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def text_at(server, path, user_agent=None):
    (source,) = discover([server.url(path)])
    with Copies(user_agent) as copies:
        fetched, _, size = copies.fetch(source)
        (document,) = read_documents(fetched, ReadOptions())
    assert size == document.bytes == len(PAGE)
    return document


@pytest.mark.parametrize(("path", "times"), [("/page.htm", 1), ("/moved.htm", 1), ("/busy.htm", 3), ("/broken.htm", 3)])
def test_a_page_is_read_whatever_the_server_does_at_first(path, times, server):
    document = text_at(server, path)
    assert "5.25%" in document.content
    assert (document.document_id, document.source) == (path[1:], server.url(path))
    assert server.asked[path] == times


def test_an_archive_is_detected_by_the_name_in_its_address(server):
    with Copies() as copies:
        for source in copies.local(discover([server.url("/feed.tar?signed=1")])):
            (document,) = read_documents(source, ReadOptions())
    assert document.document_id == "feed.tar!/page.htm"
    assert server.asked["/feed.tar?signed=1"] == 1


def test_a_csv_file_is_detected_by_the_name_in_its_address(server):
    (source,) = discover([server.url("/rows.csv?download=1")])
    with Copies() as copies:
        (document,) = read_documents(copies.fetch(source)[0], ReadOptions())
    assert (document.kind, document.document_id) == ("csv", "a")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/none.htm", "404 Not Found: check the address"),
        ("/forbidden.htm", "403 Forbidden: give --user-agent"),
        ("/always-busy.htm", "503 Service Unavailable; then `finner-batch retry`"),
        ("/always-broken.htm", "the connection ended early"),
        ("/circle.htm", "too many redirects"),
    ],
)
def test_what_cannot_be_fetched_says_why_and_what_to_do(path, message, server):
    with pytest.raises(DocumentError, match=message):
        text_at(server, path)
    assert server.asked[path] > (path in {"/always-busy.htm", "/always-broken.htm"})


def test_a_server_that_does_not_answer_is_an_error(monkeypatch):
    monkeypatch.setattr(web, "_FIRST_WAIT_S", 0)
    with pytest.raises(DocumentError, match="finner-batch retry"), Copies() as copies:
        copies.fetch(Source(uri="http://127.0.0.1:9/page.htm", name="page.htm"))


def test_requests_carry_the_user_agent(server):
    text_at(server, "/page.htm", AGENT)
    assert server.agents == {AGENT}


def test_each_address_is_requested_once_with_the_user_agent(server, tmp_path):
    paths = ["/10-k.txt", "/8-k.txt", "/forbidden.htm"]
    with Copies(AGENT) as copies:
        queue = WorkQueue(
            (Source(uri=server.url(path), name=path[1:]) for path in paths),
            Ledger.load(place_of(tmp_path), model_id="m", config_id="c"),
            copies=copies,
            retry=False,
            forms=Forms(["10-K"]),
        )
        (selected,) = map(list, queue.rounds())
        read, left_out, failed = selected
        assert [document.header.form_type for document in read_documents(read.source, ReadOptions())] == ["10-K"]
        assert isinstance(left_out, Skipped)
        assert left_out.reason == "other_forms"
        with pytest.raises(DocumentError, match="403 Forbidden"):
            list(read_documents(failed.source, ReadOptions()))
    assert server.agents == {AGENT}
    assert server.asked == dict.fromkeys(paths, 1)


@pytest.mark.parametrize("path", ["/page.htm", "/rows.jsonl", "/feed.tar!/page.htm"])
def test_what_has_no_copy_here_is_fetched_by_its_reader(path, server):
    source = Source(uri=server.url(path), name=path[1:])
    (document,) = read_documents(source, ReadOptions(user_agent=AGENT))
    assert "5.25%" in document.content
    assert server.agents == {AGENT}


def test_requests_keep_their_distance(monkeypatch):
    waits = []
    clock = [100.0]
    monkeypatch.setattr(web.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(web.time, "sleep", waits.append)
    pace = web._Pace(8)
    for _ in range(4):
        pace.wait()
    clock[0] += 10
    pace.wait()
    assert waits == [0, 0.125, 0.25, 0.375, 0]


@pytest.mark.parametrize("uri", ["https://www.sec.gov/Archives/a.htm", "http://sec.gov/a.htm"])
@pytest.mark.parametrize("agent", [None, "Example Corp"])
def test_the_sec_is_requested_only_with_a_contact(uri, agent):
    with pytest.raises(UsageError, match="--user-agent"):
        check_user_agent([uri], agent)
    check_user_agent([uri], "Example Corp admin@example.com")
    check_user_agent(["https://example.com/sec.gov", "/data/www.sec.gov/a.htm", "https://notsec.gov/a"], agent)


def test_a_name_that_cannot_be_sent_is_refused():
    with pytest.raises(UsageError, match="one line"):
        check_user_agent([], "a@b\r\nX: y")


@pytest.mark.parametrize(("path", "is_whole"), [("/feed.tar", True), ("/cut-off.tar", False)])
def test_the_copy_of_an_archive_goes_with_its_last_member(path, is_whole, server):
    archive = Source(uri=server.url(path), name=path[1:])
    with Copies(AGENT) as copies:
        found = list(copies.with_members([archive], max_bytes=1 << 20))
        kept = {file for file in Path(found[0].copy).parent.iterdir() if file.name != ".lock"}
        assert kept == {Path(found[0].copy)}
    assert [bool(source.error) for source in found] == ([False] if is_whole else [False, True])


def test_no_request_goes_to_the_sec_without_a_contact():
    with pytest.raises(DocumentError, match="--user-agent"), Copies() as copies:
        copies.fetch(Source(uri="https://www.sec.gov/Archives/edgar/data/1/a.htm", name="a.htm"))


@pytest.mark.parametrize(
    ("path", "requests"), [("/page.htm", 1), ("/moved.htm", 2), ("/busy.htm", 3), ("/broken.htm", 3)]
)
def test_every_request_keeps_to_the_limited_rate(path, requests, server, monkeypatch):
    turns = []
    monkeypatch.setattr(web, "_PACE", SimpleNamespace(wait=lambda: turns.append(path)))
    text_at(server, path)
    assert len(turns) == requests == server.asked.total()


@pytest.mark.parametrize("command", ["text", "label -i", "run -i"])
def test_every_command_that_reads_web_addresses_takes_a_user_agent(server, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    name, *flag = command.split()
    sec = CliRunner().invoke(commands, [name, *flag, "https://www.sec.gov/Archives/a.htm"])
    assert isinstance(sec.exception, UsageError)
    assert "give --user-agent" in str(sec.exception)
    if name == "run":
        return
    done = CliRunner().invoke(commands, [name, *flag, server.url("/page.htm"), "--user-agent", AGENT])
    assert server.agents == {AGENT}
    if name == "text":
        assert done.exit_code == 0
        assert "5.25%" in done.stdout


def test_text_shows_the_requested_column_of_a_shard(tmp_path):
    (tmp_path / "rows.csv").write_text("key,body\na,plus 2.25%\n")
    done = CliRunner().invoke(
        commands, ["text", str(tmp_path), "--text-column", "body", "--id-column", "key"], standalone_mode=False
    )
    assert "plus 2.25%" in done.stdout
    assert "a (csv)" in done.stderr
