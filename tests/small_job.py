"""A job over nothing, for tests of a single stage."""

from finner_batch.config import RunConfig
from finner_batch.results.ledger import Ledger
from finner_batch.runner.job import Job
from finner_batch.storage.place import place_of
from finner_batch.tagging.device import Device
from finner_batch.tagging.model import load_model


def small_job(folder, *, config=None, **given):
    """A job with the packaged model; `given` are fields of `Job`."""
    config, model = config or RunConfig(input=("x",)), load_model()
    results = place_of(folder)
    ledger = Ledger.load(results, model_id=model.model_id, config_id=config.config_id)
    settings = {"run_id": "r", "device": Device("cpu", "a test"), "workers": 1}
    return Job(config=config, model=model, results=results, ledger=ledger, **settings | given)
