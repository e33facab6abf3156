"""The state of a solver as bytes, and back into a solver made from the same config.

    [version, state]        msgpack

What goes in is listed attribute by attribute (`stage.solving._state_parts`): numbers, text and arrays, nothing that
could be run. What comes back is checked against that list before any of it is used: types, shapes, sizes, names.

A solver that has got the state of another does from then on what the other does, bit by bit. The memory order of an
array's axes is state too: products of matrices that lie otherwise in memory may be rounded otherwise.
"""

from __future__ import annotations

from typing import Any

import msgspec

from protocols.errors import TakeError
from protocols.solve_log import MAX_STATE_BYTES
from stage.errors import CalibrationError
from stage.solving._state_kinds import Unfit
from stage.solving._state_parts import solver_state
from stage.solving.solver import Solver

STATE_VERSION = 1
"""Raised whenever a state means something else than before."""


class Memento:
    """Takes the state of a solver, and gives it one."""

    def __init__(self, solver: Solver) -> None:
        """Of this solver."""
        self._solver, self._kind = solver, solver_state(solver)

    def state(self) -> bytes:
        """The solver's state; milliseconds."""
        return msgspec.msgpack.encode([STATE_VERSION, self._kind.told(self._solver)])

    def restore(self, state: bytes) -> None:
        """Gives the solver a state; whatever it did before is forgotten.

        Raises:
            TakeError: These bytes are no state of such a solver. The solver then is as it was, unless the message says
                that its parts do not fit one another: then it is of no use any more.
        """
        if len(state) > MAX_STATE_BYTES:
            raise TakeError(f"a solver's state of {len(state)} bytes; more than {MAX_STATE_BYTES} are refused")
        try:
            data: Any = msgspec.msgpack.decode(state)
        except (msgspec.MsgspecError, ValueError, RecursionError, MemoryError) as error:
            raise TakeError(f"a solver's state that is not understood: {error}") from error
        if not isinstance(data, list) or len(data) != 2 or data[0] != STATE_VERSION:
            version = str(data[0])[:20] if isinstance(data, list) and len(data) > 0 else "none"
            raise TakeError(
                f"a solver's state of version {version}, this program has {STATE_VERSION}: solve the take again from "
                "its landmarks, or with the release that recorded it"
            )
        try:
            value = self._kind.read(data[1], "solver")
        except Unfit as fault:
            raise TakeError(f"a solver's state that does not fit this config: {fault}") from fault
        try:
            self._kind.fill(self._solver, value)
        except (Unfit, CalibrationError) as fault:
            raise TakeError(f"a solver's state whose parts do not fit one another: {fault}") from fault
