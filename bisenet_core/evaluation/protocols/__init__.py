"""How a network is scored on a data set: single scale, resized, multi-scale + flip, sliding window."""

from bisenet_core.evaluation.protocols.choice import PROTOCOLS, make_protocol
from bisenet_core.evaluation.protocols.dataset_scores import Evaluation, evaluate_dataset
from bisenet_core.evaluation.protocols.protocol import Protocol
from bisenet_core.evaluation.protocols.sized_network import SizedNetwork

__all__ = ["PROTOCOLS", "Evaluation", "Protocol", "SizedNetwork", "evaluate_dataset", "make_protocol"]
