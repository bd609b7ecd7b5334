"""The cluster of a run, which it joins, or starts on this machine."""

import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from finner_batch.config import RunConfig
from finner_batch.errors import DeviceError, FinnerError, UsageError, describe
from finner_batch.log import fields
from finner_batch.machine import usable_cpus
from finner_batch.runner.stop import Stop

LOG = logging.getLogger(__name__)
OBJECT_STORE_BYTES = 256 << 20
"""Shared memory of a cluster that is started here: some sixty blocks between one stage and the next."""
FOLDER_PREFIX = "finner-ray-"
ANSWER_S = 15.0
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # else other processes of the cluster print here, on stdout too
}
OWN = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # under this name Ray has the switch that keeps its ports on 127.0.0.1
    "RAY_AUTH_MODE": "token",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The resources for the run. `address` is None for a cluster that the run started."""

    address: str | None
    nodes: int
    cpus: int
    gpus: int
    ray_version: str
    cpus_of_nodes: tuple[int, ...]

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """The device of every session of the run: never both, because their confidences differ in the last digits."""
        return "cuda" if self.gpus else "cpu"

    @property
    def device_reason(self) -> str:
        """The reason for that device, for the log."""
        return f"GPUs of the Ray cluster: {self.gpus}" if self.gpus else "no GPU of a Ray cluster that may be used"


@contextmanager
def use_cluster(config: RunConfig, stop: Stop) -> Iterator[Cluster]:
    """Join the cluster at `config.address`, or start one; leave it afterwards, and end one that was started here.

    A cluster that the calling program has joined is used and not left. Raises UsageError if Ray is not installed or
    nothing answers at the address, DeviceError if a GPU is required and the cluster has none, InterruptedError if a
    stop is requested meanwhile.
    """
    with ExitStack() as on_leaving:
        own = config.address is None
        settings = QUIET | OWN | {"RAY_AUTH_TOKEN": secrets.token_hex(32)} if own else QUIET
        on_leaving.enter_context(_environment(settings))
        ray = _import("ray")
        if not ray.is_initialized():
            with _signals_kept(stop), _native_messages_dropped():
                if config.address is None:
                    folder = on_leaving.enter_context(_session_folder())
                    on_leaving.callback(ray.shutdown)
                    _start(ray, config, folder)
                else:
                    on_leaving.callback(ray.shutdown)
                    _join(ray, config.address)
        if stop.requested:
            raise InterruptedError("a stop was requested")
        cluster = _describe(ray, config)
        LOG.info(fields("cluster", address=cluster.address, nodes=cluster.nodes, cpus=cluster.cpus, gpus=cluster.gpus))
        yield cluster


def import_ray() -> Any:
    """Import Ray with Ray Data, without their messages on the terminal. Raises UsageError if that fails."""
    ray = _import("ray")
    _import("ray.data")
    logger = logging.getLogger("ray.data")
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler):  # the other handler writes to the session's file
            logger.removeHandler(handler)
    return ray


def _import(name: str) -> Any:
    """Import a module of Ray: it is heavy, an extra, and reads the environment when it is imported."""
    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(f"--engine ray cannot import Ray ({error}): pip install 'finner-batch[ray]'") from error


@contextmanager
def _session_folder() -> Iterator[str]:
    """Make a folder for Ray's sockets and logs, removed afterwards; first remove those that killed runs left."""
    for left in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with suppress(Timeout, OSError), FileLock(left / "lock", timeout=0):
            shutil.rmtree(left, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=FOLDER_PREFIX)
    try:
        with FileLock(Path(folder, "lock")):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(ray: Any, config: RunConfig, folder: str) -> None:
    try:
        ray.init(
            address="local",
            num_cpus=config.workers or usable_cpus(),
            num_gpus=0 if config.device == "cpu" else None,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level="ERROR",
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
        )
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FinnerError(
            f"Ray cannot be started on this machine: {reason}. Try again when it is less busy, with fewer --workers, "
            "or leave out --engine ray"
        ) from error


def _join(ray: Any, address: str) -> None:
    if address.startswith("ray://"):
        raise UsageError(
            f"--address {address}: Ray Client is not supported; give HOST:PORT on a machine of the cluster, or "
            "submit the command as a Ray job with --address auto"
        )
    try:
        if address != "auto":
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), timeout=ANSWER_S).close()  # Ray itself would try for minutes
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"--address {address}: no Ray cluster that can be joined there ({describe(error)}); "
            "HOST:PORT is what `ray start --head` printed"
        ) from error


def _describe(ray: Any, config: RunConfig) -> Cluster:
    resources: Mapping[str, float] = ray.cluster_resources()
    gpus = 0 if config.device == "cpu" else int(resources.get("GPU", 0))
    if config.device == "cuda" and not gpus:
        raise DeviceError("--device cuda: the Ray cluster has no GPU; `ray status` shows what it has")
    alive = [node for node in ray.nodes() if node["Alive"]]
    return Cluster(
        address=config.address,
        nodes=len(alive),
        cpus_of_nodes=tuple(filter(None, (int(node["Resources"].get("CPU", 0)) for node in alive))),
        cpus=int(resources.get("CPU", 0)),
        gpus=gpus,
        ray_version=str(ray.__version__),
    )


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for Ray and the processes that it starts; restore them afterwards."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _native_messages_dropped() -> Iterator[None]:
    """Drop what Ray's runtime prints on stderr as it starts; errors are raised all the same."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _signals_kept(stop: Stop) -> Iterator[None]:
    """Keep SIGTERM a request to stop: as Ray starts, it installs a handler that exits."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before: dict[int, Any] = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    except SystemExit as error:
        stop.signal_number = stop.signal_number or signal.SIGTERM
        raise InterruptedError("a stop was requested") from error
    finally:
        for number, handler in before.items():
            try:
                signal.signal(number, handler)
            except ValueError:  # not the main thread: Ray has installed nothing
                break
