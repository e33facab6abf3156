"""Solving recordings: all framesets, as fast as possible, with the same tracker and solver as the live stage."""

from stage.offline._pictures import Pictures as Pictures
from stage.offline._pictures import Recordings as Recordings
from stage.offline._result import Result as Result
from stage.offline._result import load_result as load_result
from stage.offline._solve import Summary as Summary
from stage.offline._solve import solve as solve
from stage.offline._views import read_views as read_views
