"""Stories: what solvers are asked one after another, with everything that changes in them on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from protocols.arrays import to_bytes
from protocols.external import ExternalBones, ExternalFace
from protocols.messages import CameraLandmarks, FaceLandmarks, FacePerformance, Performance
from stage.cameras.geometry import project
from stage.config import ActorSection, AnyInputSection, BodySection, CameraSection, FaceSection
from stage.correspondence.face_map import load_face_map
from stage.faces.solver import FaceSolver
from stage.solving.framesets import Frameset
from stage.solving.head import HEAD
from stage.solving.solver import HandSettings, Solver
from tests.body_model import body_model
from tests.stage.faces.exact_face import JAW_OPEN, LipGap, coefficients, face_model, facing
from tests.stage.faces.exact_face import seen as face_seen
from tests.stage.inputs.sections import input_section
from tests.stage.solving.hands.synthetic_hands import Hands, exact_hand_map, frameset_with_hands
from tests.stage.solving.synthetic_views import Actress, exact_map, frameset, ring_of_cameras
from tests.stage.solving.test_external import bones, face, posed_at_random

CAMERAS = ring_of_cameras(3)
TICK_NS = 33_333_333
Call = Callable[[Solver], Sequence[Any]]


class Story(NamedTuple):
    """Solvers of a kind, and what they are asked."""

    solver: Callable[[], Solver]
    calls: list[Call]


def done(solver: Solver, call: Call) -> list[Any]:
    """All that comes of a call: records, predictions of what comes next, meshes."""
    made = [*call(solver)]
    bodies = [one for one in made if isinstance(one, Performance)]
    meshes = [solver.vertices(one.actor).numpy().tobytes() for one in bodies]
    ahead = solver.predictions(made[0].capture_ns + TICK_NS) if len(bodies) > 0 else []
    return [*made, *meshes, *ahead]


def alone() -> Story:
    """Body, hands and face of one actor who is measured, lost, found, and measured again."""
    actress = Actress(body_model(), np.linspace(-0.6, 0.6, body_model().shape_count))
    hands = Hands(actress, exact_hand_map(body_model()))
    calls: list[Call] = []
    for tick in range(48):
        for half in (0, 1):
            close = _close_up(tick * TICK_NS + half * TICK_NS // 2)
            calls.append(lambda solver, seen=close: _some(solver.step_face(seen)))
        seen = _seen(hands, tick, there=not 20 <= tick < 25)
        calls.append(lambda solver, seen=seen: solver.step(seen))
        if tick == 34:
            calls.append(lambda solver: solver.measure_again("alice") or [])
    return Story(lambda: _solver(["alice"], face_camera=True, hands=True), calls)


def two() -> Story:
    """One actor joins another, who leaves."""
    actress = Actress(body_model())
    calls: list[Call] = []
    for tick in range(30):
        points = actress.landmarks(tick * TICK_NS * 1e-9)
        people = [points] if tick < 22 else []
        people += [points + np.array([0.0, 1.4, 0.0])] if tick >= 6 else []
        seen = frameset(CAMERAS, tick * TICK_NS * 1e-9, people, noise_px=1.0)
        calls.append(lambda solver, seen=seen: solver.step(seen))
    return Story(lambda: _solver(["alice", "bob"]), calls)


def helped() -> Story:
    """Another performer provides arms, and a phone the face; both fall silent and come back."""
    actress = Actress(body_model())
    inputs = (
        input_section("livelink", actor="alice", id="phone"),
        input_section("vmc", actor="alice", id="other", take=("arms",)),
    )
    calls: list[Call] = []
    for tick in range(44):
        now_ns = tick * TICK_NS
        if not 10 <= tick < 34:
            record = replace(bones(posed_at_random(tick % 5), now_ns, "LeftUpperArm", "LeftLowerArm"), number=tick)
            look: list[ExternalFace | ExternalBones] = [record, replace(face(now_ns, JawOpen=tick / 50), number=tick)]
            calls += [lambda solver, record=record: solver.take_external(record) for record in look]
        calls.append(lambda solver, now_ns=now_ns: solver.pass_time(now_ns))
        seen = frameset(CAMERAS, now_ns * 1e-9, [actress.landmarks(now_ns * 1e-9)])
        calls.append(lambda solver, seen=seen: solver.step(seen))
    return Story(lambda: _solver(["alice"], inputs=inputs), calls)


def unfilmed() -> Story:
    """No camera: a body that another performer places, and that falls silent."""
    inputs = (input_section("vmc", actor="alice", id="other", take=("arms", "spine", "legs", "hips")),)
    calls: list[Call] = []
    for tick in range(60):
        now_ns = tick * TICK_NS
        if tick < 12 or tick > 52:
            record = replace(bones(posed_at_random(tick % 7), now_ns), number=tick)
            calls.append(lambda solver, record=record, late=tick % 3 == 0: solver.take_external(record, overtaken=late))
        calls.append(lambda solver, now_ns=now_ns: solver.pass_time(now_ns))
    return Story(lambda: _solver(["alice"], cameras=[], inputs=inputs), calls)


STORIES = {story.__name__: story for story in (alone, two, helped, unfilmed)}


def _solver(
    actors: Sequence[str],
    *,
    cameras: Sequence[Any] = CAMERAS,
    face_camera: bool = False,
    hands: bool = False,
    inputs: tuple[AnyInputSection, ...] = (),
) -> Solver:
    body = body_model()
    cast = [ActorSection(id=actor) for actor in actors]
    own = [CameraSection(id="face", source="file:none", face_of="alice")] if face_camera else []
    settings = FaceSection(neutral_seconds=0.4)
    faces = FaceSolver(body, load_face_map(), LipGap(), cast, settings, own, inputs=inputs)
    kit = HandSettings(exact_hand_map(body)) if hands else None
    return Solver(
        body, cameras, cast, BodySection(shape_seconds=0.7), exact_map(body), hands=kit, faces=faces, inputs=inputs
    )


def _close_up(capture_ns: int) -> CameraLandmarks:
    seconds = capture_ns * 1e-9
    shapes = coefficients()
    shapes[JAW_OPEN] = 0.4 + 0.4 * np.sin(5.0 * seconds)
    return face_seen(face_model().mean + face_model().expression(shapes), facing(), capture_ns, noise_px=0.3)


def _seen(hands: Hands, tick: int, *, there: bool) -> Frameset:
    """All cameras of one instant: body, hands and, in cameras before it, the face."""
    seconds = tick * TICK_NS * 1e-9
    if not there:
        return frameset(CAMERAS, seconds, [])
    plain = frameset_with_hands(CAMERAS, seconds, hands, sides=(0, 1), views=2)
    G, p = hands.actress.bones(seconds)
    points = face_model().mean @ G[HEAD].T + p[HEAD]
    views = {}
    for camera in CAMERAS:
        pixels, depth = project(camera, points)
        rows = np.column_stack([pixels, (depth - depth.mean()) * 170.0])
        found = FaceLandmarks(0, "alice", to_bytes(rows), b"", 1.0)
        frontal = (camera.R_camera_world @ G[HEAD])[2, 1] > 0.3
        views[camera.id] = replace(plain.views[camera.id], faces=(found,) if frontal else ())
    return Frameset(plain.capture_ns, views)


def _some(one: FacePerformance | None) -> list[FacePerformance]:
    return [] if one is None else [one]
