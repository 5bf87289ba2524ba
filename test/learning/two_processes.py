"""Runs a function in two processes that are joined by gloo, as `bisenet train` joins those of two CPUs."""

import torch
from torch import distributed, multiprocessing


def in_two_processes(function, folder):
    """[function(0), function(1)], computed at the same time; the results are anything torch.save takes."""
    multiprocessing.spawn(_work, (function, str(folder)), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)]


def _work(rank, function, folder):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.save(function(rank), f"{folder}/{rank}.pt")
    distributed.destroy_process_group()
