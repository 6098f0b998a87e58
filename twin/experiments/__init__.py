"""The same question run over many worlds and arms, kept as one Parquet data set.

An *arm* is one side of a comparison (``arms``): the scenario as it is, or with a mitigation, a fault, a
switch thrown. A *world* is what arms share (``worlds``): the draw of the numbers that nobody knows, and the
noise. A *study* (``study``) runs every arm in every world on a pool of workers, and remembers what is done
(``store``).
"""
