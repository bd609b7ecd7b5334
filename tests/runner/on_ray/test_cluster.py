from types import SimpleNamespace

import pytest

from finner_batch.config import RunConfig
from finner_batch.errors import FinnerError
from finner_batch.runner.on_ray import cluster


def test_a_cluster_that_does_not_start_is_an_error_of_one_line(tmp_path):
    def init(**_):
        raise RuntimeError("The current node timed out\nduring startup.")

    with pytest.raises(
        FinnerError, match=r"^Ray cannot be started on this machine: .*timed out during startup\."
    ) as error:
        cluster._start(SimpleNamespace(init=init), RunConfig(input=("a",), engine="ray"), str(tmp_path))
    assert "\n" not in str(error.value)
