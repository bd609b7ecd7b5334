"""Start a cluster of the run's own in two seconds where Ray takes four, and end it in one where Ray takes two.

`ray.init` has no switches for this, so three of Ray's internals are replaced while it starts, where this version has
them (Ray 2.60 does). Where it has not, the cluster starts as Ray starts it: later, and the same.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib import import_module
from inspect import signature
from time import monotonic, sleep
from typing import Any
from unittest.mock import patch

UNUSED = {"include_log_monitor": False, "no_monitor": True}
"""Switches of `ray start` for what forwards logs to the driver and what asks a cloud for more nodes."""
POLL_S = 0.05
LONGEST_S = 30.0
"""Ray itself waits as long for the node, and says what is wrong."""


@contextmanager
def only_what_works(ray: Any) -> Iterator[None]:
    """While this lasts `ray.init` starts no process that one machine has no work for, and does not sleep for seconds.

    Ray Data is imported while the node starts.
    """
    private = ray._private  # noqa: SLF001
    parameters, services, node = private.parameter.RayParams, private.services, private.node.Node
    with ExitStack() as patches:
        if signature(parameters).parameters.keys() >= UNUSED.keys():
            patches.enter_context(patch.object(private.parameter, "RayParams", partial(parameters, **UNUSED)))
        if hasattr(node, "start_api_server"):  # without a dashboard it would only report usage, which is switched off
            patches.enter_context(patch.object(node, "start_api_server", lambda *_, **__: None))
        if hasattr(services, "get_node") and hasattr(services, "_get_gcs_client_options"):
            state = private.state.GlobalState()
            patches.enter_context(
                patch.object(services, "get_node", partial(_get_node, services, state, services.get_node))
            )
        yield


def _get_node(services: Any, state: Any, get_node: Callable[[str, str], Any], gcs_address: str, node_id: str) -> Any:
    """The node, as soon as it is there; `get_node` itself sleeps a second between looking and looking."""
    with suppress(ImportError):  # which is told once the cluster is there
        import_module("ray.data")
    state._initialize_global_state(services._get_gcs_client_options(gcs_address))  # noqa: SLF001
    given_up = monotonic() + LONGEST_S
    while monotonic() < given_up and all(node["NodeID"] != node_id for node in state.node_table()):
        sleep(POLL_S)
    return get_node(gcs_address, node_id)
