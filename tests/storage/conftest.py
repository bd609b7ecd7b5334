import logging
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "runner"))

from bucket_helpers import job, make_bucket, rows
from engine_helpers import write_filings
from s3_proxy import Proxy

from finner_batch.storage import s3
from finner_batch.storage.object_place import ObjectPlace
from finner_batch.storage.s3 import S3Bucket


@pytest.fixture(scope="session")
def server():
    """An S3-speaking server, as host and port."""
    for package in ("moto", "flask", "flask_cors", "boto3", "stamina"):
        pytest.importorskip(package, reason=f"{package} is not installed: make .venv/.test")
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - slow to import

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture(scope="session")
def session_proxy(server):
    proxy = Proxy(server)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": proxy.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }.items():
            patch.setenv(name, value)
        patch.setattr("finner_batch.storage.s3.JITTER_S", 0.05)
        s3.s3_client.cache_clear()
        yield proxy
    s3.s3_client.cache_clear()
    proxy.shutdown()
    proxy.server_close()


@pytest.fixture
def proxy(session_proxy):
    """The proxy before the server, without faults; processes that a test starts reach it through the environment."""
    session_proxy.requests.clear()
    yield session_proxy
    session_proxy.fault = lambda _request: ""
    session_proxy.dropped = set()


@pytest.fixture
def bucket(proxy, request) -> S3Bucket:
    """A bucket of the test's own."""
    made = make_bucket(request.node.nodeid)
    proxy.requests.clear()
    return made


@pytest.fixture
def results(bucket) -> ObjectPlace:
    return ObjectPlace(bucket, "out/results")


class Local(NamedTuple):
    filings: Path
    results: Path
    rows: dict


@pytest.fixture(scope="session")
def local(tmp_path_factory):
    """Twelve filings, and a local run over them."""
    folder = tmp_path_factory.mktemp("local")
    filings = write_filings(folder / "filings", 12)
    job(filings, folder / "results")
    expected = rows(folder / "results")
    assert len(expected["documents"]) == 12
    assert len(expected["entities"]) > 12
    return Local(filings, folder / "results", expected)


@pytest.fixture
def uploaded(local, bucket, proxy):
    """The filings in the bucket, as a URL."""
    for path in local.filings.iterdir():
        bucket.put(f"in/{path.name}", path.read_bytes())
    proxy.requests.clear()
    return f"s3://{bucket.name}/in"
