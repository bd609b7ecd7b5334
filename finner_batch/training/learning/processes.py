"""The processes that train together: one for each GPU, started by `torchrun` or `accelerate launch`.

Both tell a process its place by the environment (RANK, WORLD_SIZE, LOCAL_RANK and the address to meet at). Without them
there is one process, and every function here does nothing.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.nn.utils import parameters_to_vector, vector_to_parameters

PATIENCE = timedelta(hours=2)
"""How long a process waits for the others: the first one scores alone."""


def rank() -> int:
    """Number of this process among those that train together, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_main() -> bool:
    """Say whether this process writes files and speaks; the others only compute.

    Before the processes have joined and after they have parted, the environment says it.
    """
    if dist.is_initialized() or not _several():
        return rank() == 0
    return int(os.environ.get("RANK", "0")) == 0


def size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


@contextmanager
def together() -> Iterator[None]:
    """Join the processes that the environment speaks of, each with a GPU of its own where there are any."""
    if not _several():
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def _several() -> bool:
    """Say whether the environment speaks of more than one process."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def wait() -> None:
    """Go on when every process is here: what the main one wrote can then be read."""
    if size() > 1:
        from_main(0.0)


def from_main(value: float) -> float:
    """The main process's value, in every process."""
    if size() == 1:
        return value
    shared = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(shared, src=0)
    return float(shared)


def share_weights(model: torch.nn.Module) -> None:
    """Give every process the main one's parameters."""
    if size() > 1:
        for parameter in model.parameters():
            dist.broadcast(parameter.data, src=0)


def add_up(model: torch.nn.Module, loss: torch.Tensor) -> None:
    """Replace gradients and `loss` (float64 []) by their sums over all processes, in one exchange of each kind.

    Every process then holds the same bytes, and so takes the same step.
    """
    if size() == 1:
        return
    parameters = list(model.parameters())
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    bucket = parameters_to_vector(gradients)
    dist.all_reduce(bucket)
    vector_to_parameters(bucket, gradients)
    dist.all_reduce(loss)


def gather(tensor: torch.Tensor) -> list[torch.Tensor]:
    """A CPU tensor of each process, by rank; of one shape everywhere."""
    if size() == 1:
        return [tensor]
    found = [torch.empty_like(tensor) for _ in range(size())]
    dist.all_gather(found, tensor)
    return found
