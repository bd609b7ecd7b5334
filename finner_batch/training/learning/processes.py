"""The processes that train together: one for each GPU, started by `torchrun` or `accelerate launch`.

Both set RANK, WORLD_SIZE, LOCAL_RANK and the address of the main process in the environment. Without them there is one
process, and every function here does nothing.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.nn.utils import parameters_to_vector, vector_to_parameters

PATIENCE = timedelta(hours=2)
"""Longest wait for another process: only the main one scores the epochs."""


def rank() -> int:
    """Return the number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_main() -> bool:
    """Return whether this process writes files and logs; the others only compute.

    Outside `together` the environment decides.
    """
    if dist.is_initialized() or not _several():
        return rank() == 0
    return int(os.environ.get("RANK", "0")) == 0


def size() -> int:
    """Return the number of processes that train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


@contextmanager
def together() -> Iterator[None]:
    """Join the process group that the environment describes, with one GPU per process if there are any."""
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
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def wait() -> None:
    """Wait for all processes, so that every one can read what the main one wrote."""
    if size() > 1:
        from_main(0.0)


def from_main(value: float) -> float:
    """Return the main process's value in every process."""
    if size() == 1:
        return value
    shared = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(shared, src=0)
    return float(shared)


def share_weights(model: torch.nn.Module) -> None:
    """Copy the main process's parameters to every process."""
    if size() > 1:
        for parameter in model.parameters():
            dist.broadcast(parameter.data, src=0)


def sum_gradients(model: torch.nn.Module, loss: torch.Tensor) -> None:
    """Replace gradients and `loss` (float64 []) by their sums over all processes, with one exchange for each.

    Every process then holds the same bytes, and takes the same step.
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


def gather_tensors(tensor: torch.Tensor) -> list[torch.Tensor]:
    """Return the CPU tensors of all processes by rank; they must have the same shape."""
    if size() == 1:
        return [tensor]
    found = [torch.empty_like(tensor) for _ in range(size())]
    dist.all_gather(found, tensor)
    return found
