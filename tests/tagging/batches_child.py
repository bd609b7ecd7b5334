"""Opens a session as `--backend NAME` does, compares windows in batches of many sizes, and prints the result.

`batches_child.py BACKEND [PRODUCTS]`. It is a separate process because oneDNN reads `ONEDNN_MAX_CPU_ISA`, which limits
the instructions that it uses, only once.
"""

import json
import sys

import numpy as np

from finner_batch.errors import DeviceError
from finner_batch.tagging.device import Device
from finner_batch.tagging.model import load_model
from finner_batch.tagging.openvino import OpenVinoSession
from finner_batch.tagging.session import open_session
from finner_batch.tagging.tagger import Tagger
from finner_batch.tagging.tokens import Window

model = load_model()
backend, products = [*sys.argv[1:], None][:2]
try:
    if products is None:
        session = open_session(model, "cpu", backend=backend, threads=1)
    else:
        session = OpenVinoSession(model, Device("cpu", "a test"), threads=1, products=products)
except DeviceError as error:
    sys.stdout.write(json.dumps({"refused": str(error)}) + "\n")
    sys.exit()
tagger = Tagger(model, session)
chance = np.random.default_rng(11)
lengths = [*chance.integers(17, 25, 40), *chance.integers(81, 89, 4)]
windows = [
    Window(chance.integers(1000, 20_000, length, dtype=np.int32).tobytes(), (1, 5, int(length) - 2), ((0, 1),) * 3)
    for length in lengths
]
wanted, _ = tagger.probabilities(windows)
differing = set()
for budget in (1, 60, 250):
    tagger.budget_tokens = budget
    order = chance.permutation(len(windows))[: 16 if budget == 1 else None]
    found, _ = tagger.probabilities([windows[place] for place in order])
    differing |= {int(place) for place, table in zip(order, found, strict=True) if (table != wanted[place]).any()}
said = {
    "backend": session.backend,
    "reason": session.backend_reason,
    "products": getattr(session, "products", None),
    "batch_dependence": session.batch_dependence,
    "windows": len(windows),
    "differing": len(differing),
}
sys.stdout.write(json.dumps(said) + "\n")
