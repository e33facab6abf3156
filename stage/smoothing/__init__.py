"""Smoothing of what is already recorded: past and future decide together, so it is calm and not late.

both_ways(forward, backward)    one motion of two: solved in the order of time, and against it
smoothed(motion, strength)      bodies, fingers and faces made smooth, feet that stand held
"""

from __future__ import annotations

from ._both_ways import both_ways as both_ways
from ._smoothed import smoothed as smoothed
