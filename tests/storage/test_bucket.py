import io
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from s3_proxy import at_random

from finner_batch.errors import UsageError
from finner_batch.readers.discover import discover
from finner_batch.storage import s3
from finner_batch.storage.bucket import BusyError, ChangedError
from finner_batch.storage.object_place import ObjectPlace
from finner_batch.storage.object_reader import FIRST_BYTES, ObjectReader

DATA = bytes(range(256)) * 8_000


def test_an_object_is_read_by_range_and_not_whole(bucket, proxy):
    bucket.put("a", DATA)
    proxy.requests.clear()
    reader = ObjectReader(bucket, "a", first="end")
    assert reader.size == len(DATA)
    reader.seek(-100, io.SEEK_END)
    assert reader.read() == DATA[-100:]
    reader.seek(1_000)
    assert reader.read(50) == DATA[1_000:1_050]
    assert reader.read(50) == DATA[1_050:1_100]
    assert len(proxy.asked("GET", "/a")) == 2
    assert sum(request.sent for request in proxy.requests) < len(DATA) / 4


def test_reading_on_fetches_every_byte_once(bucket, proxy):
    bucket.put("a", DATA)
    proxy.requests.clear()
    reader = ObjectReader(bucket, "a")
    assert b"".join(iter(lambda: reader.read(10_007), b"")) == DATA
    assert sum(request.sent for request in proxy.requests) == len(DATA)
    assert len(proxy.requests) < 8


def test_a_small_object_costs_one_request_and_an_empty_one_is_empty(bucket, proxy):
    bucket.put("small", DATA[:FIRST_BYTES])
    bucket.put("empty", b"")
    proxy.requests.clear()
    assert ObjectReader(bucket, "small", first="end").read() == DATA[:FIRST_BYTES]
    assert len(proxy.requests) == 1
    assert ObjectReader(bucket, "empty", first="end").read() == b""
    assert ObjectReader(bucket, "empty").read() == b""


def test_an_object_that_is_replaced_while_it_is_read_is_an_error_and_no_mixture(bucket):
    bucket.put("a", DATA)
    reader = ObjectReader(bucket, "a")
    bucket.put("a", DATA[::-1])
    reader.seek(len(DATA) // 2)
    with pytest.raises(ChangedError):
        reader.read(10)


def test_whatever_goes_wrong_on_the_way_all_bytes_arrive(bucket, proxy):
    proxy.fault = at_random(1, 0.3)
    for number in range(12):
        bucket.put(f"many/{number:02d}", DATA[number:])
    assert [item.name for item in bucket.entries("many/")] == [f"{number:02d}" for number in range(12)]
    for number in range(0, 12, 3):
        assert ObjectReader(bucket, f"many/{number:02d}").read() == DATA[number:]
    assert {503} < {request.status for request in proxy.requests}


def test_a_store_that_stays_busy_is_one_clear_error(bucket, proxy, monkeypatch):
    monkeypatch.setattr("finner_batch.storage.s3.ATTEMPTS", 3)
    proxy.fault = lambda _request: "busy"
    with pytest.raises(BusyError, match=r"does not answer.*reduce your request rate"):
        bucket.get("a")
    assert len(proxy.requests) == 3


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"AWS_PROFILE": "nosuch"}, "profile"),
        ({"AWS_ACCESS_KEY_ID": "a"}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ENDPOINT_URL": "a"}, "Invalid endpoint: a"),
        ({"AWS_DEFAULT_REGION": "a!b"}, "a!b"),
    ],
)
def test_settings_that_boto3_refuses_are_a_usage_error(settings, reason, monkeypatch):
    pytest.importorskip("boto3")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", **settings}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=reason):
        s3.s3_client.__wrapped__()


def test_a_tls_error_in_the_middle_of_an_object_is_tried_again(monkeypatch):
    pytest.importorskip("boto3")
    from urllib3.exceptions import SSLError  # noqa: PLC0415 - boto3 brings it

    monkeypatch.setattr(s3, "FIRST_WAIT_S", 0)
    monkeypatch.setattr(s3, "JITTER_S", 0)
    content = iter([SSLError("bad record"), DATA])

    class Client:
        """A store whose first answer breaks off."""

        def get_object(self, **_):
            now = datetime.now(UTC)
            headers = {"HTTPHeaders": {"date": format_datetime(now)}}
            return {"Body": self, "ETag": '"1"', "LastModified": now, "ResponseMetadata": headers}

        def read(self):
            if isinstance(found := next(content), Exception):
                raise found
            return found

    assert s3.S3Bucket("b", Client()).get("a").data == DATA


def test_conditions_hold(bucket):
    etag = bucket.put("a", b"1", if_absent=True)
    with pytest.raises(ChangedError):
        bucket.put("a", b"2", if_absent=True)
    bucket.put("a", b"2", if_etag=etag)
    with pytest.raises(ChangedError):
        bucket.put("a", b"3", if_etag=etag)
    assert bucket.get("a").data == b"2"
    with pytest.raises(FileNotFoundError):
        bucket.get("b")


def test_a_large_file_is_sent_in_pieces_and_appears_whole(bucket, proxy, monkeypatch):
    monkeypatch.setattr(s3, "PIECE_BYTES", 5 << 20)
    data = DATA * 6
    often = at_random(2, 0.3)
    lost = iter(["lost"])
    proxy.fault = lambda request: (
        next(lost, "") if "uploadId" in request.path and request.command == "POST" else often(request)
    )
    bucket.upload("large", io.BytesIO(data), len(data))
    proxy.fault = lambda _request: ""
    assert bucket.get("large").data == data
    assert len(proxy.asked("PUT", "partNumber")) >= 3


def test_a_key_with_two_slashes_in_a_row_is_left_out_and_told(bucket):
    for name in ("a.htm", "/b.htm", "c//d.htm", "c/e.htm"):
        bucket.put(f"in/{name}", b"x")
    left_out = []
    found = discover([f"s3://{bucket.name}/in"], on_left_out=lambda path, reason: left_out.append((path, reason)))
    assert [source.name for source in found] == ["a.htm", "c/e.htm"]
    assert [reason for _, reason in left_out] == ["its key has two slashes in a row"] * 2


def test_a_listing_goes_on_over_its_pages(bucket, monkeypatch):
    call = type(bucket)._call
    monkeypatch.setattr(
        type(bucket),
        "_call",
        lambda self, operation, **options: call(
            self, operation, **(options | ({"MaxKeys": 2} if operation == "list_objects_v2" else {}))
        ),
    )
    for name in ("a", "b/1", "b/2", "c", "d/e/1"):
        bucket.put(f"in/{name}", b"x")
    assert sorted(item.name for item in bucket.entries("in/")) == ["a", "b", "c", "d"]
    assert sorted(path.name for path in ObjectPlace(bucket, "in").children()) == ["a", "b", "c", "d"]
