"""What changes in a solver while it solves: every attribute of every object, with its kind.

What a solver is made with (body model, cameras, settings) is not among it, nor what follows from the rest: a body in
its shape, what has been placed or skinned already. `kept` names those, so that a test finds what nobody thought of.
"""

from __future__ import annotations

from stage.solving._state_bodies import Bodies, posed
from stage.solving._state_faces import faces
from stage.solving._state_kinds import INT, Kind, Maybe, Named, Row
from stage.solving._state_objects import Each, Inside
from stage.solving.solver import Solver


def solver_state(solver: Solver) -> Inside:
    """The state of a solver, and of all that are made from the same config."""
    names = [member.section.id for member in solver._cast]
    kinds: dict[str, Kind] = {
        "_number": INT,
        "_external_number": INT,
        "_last_ns": Maybe(INT),
        "_newcomers": Inside({"_alone_since_ns": INT}, ["_rig"]),
        "rig": Inside(
            {"sizes": Named(Row(INT, INT), solver.rig.ids)}, ["ids", "cameras", "_calibrated", "R", "t", "centers"]
        ),
        "_cast": Each([Bodies(solver).member(member) for member in solver._cast]),
        "_posed": Named(posed(solver), names),
    }
    if solver.faces is not None:
        kinds["faces"] = faces(solver.faces, len(solver.body.vertex_basis), solver.rig.ids)
    kept = {"body", "faces", "_model", "_casting", "_whole", "_meshes"} - kinds.keys()
    return Inside(kinds, sorted(kept), lambda target: target._meshes.forget())
