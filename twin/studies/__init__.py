"""The same question run over many worlds and arms, kept as one Parquet data set.

An *arm* is one side of a comparison: the scenario as it is, or with a mitigation, a fault, a switch thrown. A
*world* is what arms share: the draw of the numbers that nobody knows, and the noise. A *study* runs every arm
in every world on a pool of workers, and remembers what is done.
"""

from twin.studies.arms import BASELINE, Arm
from twin.studies.store import OtherStudy
from twin.studies.study import Job, Results, Study
from twin.studies.worlds import World, worlds

__all__ = ["BASELINE", "Arm", "Job", "OtherStudy", "Results", "Study", "World", "worlds"]
