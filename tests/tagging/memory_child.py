"""Tags sentences and prints the result; with a second argument, with a session whose arena has limited memory.

The arena belongs to the whole process, so this is a separate process.
"""

import json
import logging
import sys

import onnxruntime

from finner_batch.machine import MEBIBYTE
from finner_batch.tagging.device import Device
from finner_batch.tagging.model import load_model
from finner_batch.tagging.session import Session
from finner_batch.tagging.tagger import Tagger

logging.basicConfig(stream=sys.stdout, format="%(message)s")
model = load_model()
tagger = Tagger(model, Session(model, Device("cpu", "a test"), threads=1), budget_tokens=int(sys.argv[1]))
if len(sys.argv) > 2:
    arena = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    limit = onnxruntime.OrtArenaCfg({"max_mem": int(sys.argv[2]) * MEBIBYTE, "arena_extend_strategy": 1})
    onnxruntime.create_and_register_allocator(arena, limit)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    tagger.session._session = onnxruntime.InferenceSession(str(model.onnx_path("int8")), options)
tokenizer = tagger.tokenizer()
sentences = [f"The {2020 + n} notes bear interest at {n % 9}.{n:02d}%{' per annum' * 20}." for n in range(60)]
windows = [window for text in sentences for window in tokenizer.windows(text, [(4, 8)])]
tables, _ = tagger.probabilities(windows)
again, _ = tagger.probabilities(windows[::3])
same = all((one == other).all() for one, other in zip(tables[::3], again, strict=True))
rows = [[float(value).hex() for value in table.ravel()] for table in tables]
sys.stdout.write(json.dumps({"budget": tagger.budget_tokens, "same": same, "rows": rows}) + "\n")
