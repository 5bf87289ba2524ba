"""The ablation of BiSeNet V2's components (Table 2), trained anew under one recipe."""

from bisenet_core.learning.ablation.outcome import write_outcome
from bisenet_core.learning.ablation.rows import TABLE_2, Row
from bisenet_core.learning.ablation.runs import run_rows

__all__ = ["TABLE_2", "Row", "run_rows", "write_outcome"]
