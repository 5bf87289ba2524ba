"""Ways to label a data set for scoring: single scale, resized, multi-scale with flips, sliding window."""

from bisenet_core.evaluation.protocols.choice import PROTOCOLS, make_protocol
from bisenet_core.evaluation.protocols.dataset_scores import DatasetScores, evaluate_dataset
from bisenet_core.evaluation.protocols.protocol import Protocol
from bisenet_core.evaluation.protocols.sized_network import SizedNetwork

__all__ = ["PROTOCOLS", "DatasetScores", "Protocol", "SizedNetwork", "evaluate_dataset", "make_protocol"]
