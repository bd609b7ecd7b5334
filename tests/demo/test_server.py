import re
import signal
import socket
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from demo_server import Server

from finner_batch.cli.main import commands
from finner_batch.demo import finder as config
from finner_batch.demo.finder import DemoConfig, is_loopback
from finner_batch.demo.server import serve
from finner_batch.errors import UsageError


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(config.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"pip install 'finner-batch\[demo\]'"):
        CliRunner().invoke(commands, ["demo"], standalone_mode=False, catch_exceptions=False)


def test_it_listens_on_this_machine_only_by_default():
    assert DemoConfig().host == "127.0.0.1"
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")  # noqa: S104 - not listened on
    assert not is_loopback("192.168.1.4")


def test_a_port_that_is_taken_is_a_usage_error(monkeypatch):
    monkeypatch.setattr("finner_batch.demo.server.require_demo_extra", lambda: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match=r"cannot listen on 127.0.0.1 port \d+ .*--port"):
            serve(DemoConfig(port=taken.getsockname()[1]), ready=print)


def send(server, data):
    """Upload a file as the page does."""
    form = (
        b'--edge\r\nContent-Disposition: form-data; name="files"; filename="a.htm"\r\n\r\n' + data + b"\r\n--edge--\r\n"
    )
    request = urllib.request.Request(  # noqa: S310 - its own server
        f"{server.url}gradio_api/upload", form, {"Content-Type": "multipart/form-data; boundary=edge"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - its own server
        return answer.read()


@pytest.fixture
def short_folder():
    """A folder whose path leaves room for the name of a socket, of which 107 bytes are allowed."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.usefixtures("gradio")
@pytest.mark.slow
def test_it_serves_no_file_calls_nobody_and_leaves_nothing_when_it_ends(short_folder):
    temporary = short_folder / "temporary"
    temporary.mkdir()
    server = Server(temporary, "--max-file-mb", "1")
    with urllib.request.urlopen(server.url, timeout=60) as page:  # noqa: S310 - its own server
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert b"finner-batch demo" in page.read()
    for secret in ("/etc/passwd", str(Path(__file__).resolve())):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{server.url}gradio_api/file={secret}", timeout=60)  # noqa: S310 - its own server
        assert refused.value.code in {403, 404}
    with pytest.raises(urllib.error.HTTPError) as refused:
        send(server, b"x" * 2_200_000)
    assert refused.value.code == 413
    assert send(server, b"x" * 1_000)
    assert server.stop(signal.SIGINT) == 0
    hosts = set(re.findall(r"AUDIT \S+ \(\(?'([^']+)'", server.log()))
    assert hosts <= {"127.0.0.1", "localhost"}, server.log()
    assert not list(temporary.iterdir())
