"""What is replaced in Ray while a cluster starts, by a stand-in for Ray: the real one is tested in `test_rows`."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from finner_batch.config import RunConfig
from finner_batch.engine.on_ray import cluster
from finner_batch.engine.on_ray.quick_start import only_what_works
from finner_batch.errors import FinnerError


class Params:
    def __init__(self, include_log_monitor=True, no_monitor=False):
        self.switches = (include_log_monitor, no_monitor)


class OtherParams:
    def __init__(self, monitors=True):
        self.switches = monitors


class State:
    """A cluster whose node is there at the third look."""

    looks = 0

    def _initialize_global_state(self, options):
        assert options == "options of here:1"

    def node_table(self):
        State.looks += 1
        return [{"NodeID": "other"}, {"NodeID": "own"}][: 2 if State.looks > 2 else 1]


def stand_in(params, **services):
    node = type("Node", (), {"start_api_server": lambda _node, **_: "started"})
    return SimpleNamespace(
        _private=SimpleNamespace(
            parameter=SimpleNamespace(RayParams=params),
            node=SimpleNamespace(Node=node),
            state=SimpleNamespace(GlobalState=State),
            services=SimpleNamespace(**services),
        )
    )


def test_a_cluster_starts_without_what_has_no_work_and_the_next_with_it():
    ray = stand_in(Params)
    node = ray._private.node.Node()
    with only_what_works(ray):
        assert ray._private.parameter.RayParams().switches == (False, True)
        assert node.start_api_server(include_dashboard=False) is None
    assert ray._private.parameter.RayParams is Params
    assert node.start_api_server(include_dashboard=False) == "started"


def test_the_node_is_looked_for_until_it_is_there():
    def get_node(address, node_id):
        return address, node_id, State.looks

    State.looks = 0
    ray = stand_in(Params, get_node=get_node, _get_gcs_client_options=lambda address: f"options of {address}")
    with only_what_works(ray):
        assert ray._private.services.get_node("here:1", "own") == ("here:1", "own", 3)
    assert ray._private.services.get_node is get_node


def test_a_ray_without_these_names_starts_as_it_does():
    ray = stand_in(OtherParams)
    del ray._private.node.Node.start_api_server
    with only_what_works(ray):
        assert ray._private.parameter.RayParams is OtherParams
        assert vars(ray._private.services) == {}


def test_a_cluster_that_does_not_start_is_an_error_of_one_line(monkeypatch, tmp_path):
    def init(**_):
        raise RuntimeError("The current node timed out\nduring startup.")

    monkeypatch.setattr(cluster, "only_what_works", lambda _: nullcontext())
    with pytest.raises(
        FinnerError, match=r"^Ray cannot be started on this machine: .*timed out during startup\."
    ) as error:
        cluster._start(SimpleNamespace(init=init), RunConfig(input=("a",), engine="ray"), str(tmp_path))
    assert "\n" not in str(error.value)
