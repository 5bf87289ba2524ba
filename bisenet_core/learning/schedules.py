"""Learning rates as pure functions of the iteration."""


def poly(iteration: int, total: int, power: float = 0.9, warmup: int = 0) -> float:
    """Factor of the initial learning rate at ``iteration`` of ``total``: (1 - iteration / total) ** power.

    That is the "poly" strategy of BiSeNet V2 (Section 5.1). The first ``warmup`` iterations rise linearly.
    """
    if iteration < warmup:
        return (iteration + 1) / warmup
    return (1 - min(iteration, total) / total) ** power
