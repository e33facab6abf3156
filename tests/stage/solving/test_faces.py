"""Bodies with faces: what the solver makes of faces in the body's views and in cameras of their own."""

from __future__ import annotations

import numpy as np
import torch
from msgspec.structs import replace
from scipy.spatial.transform import Rotation

from protocols.arrays import from_bytes, to_bytes
from protocols.messages import FaceLandmarks, Performance
from stage.cameras.geometry import project
from stage.config import ActorSection, BodySection, CameraSection, FaceSection
from stage.correspondence.face_map import load_face_map
from stage.faces.solver import FaceSolver
from stage.solving.actor import Shown
from stage.solving.framesets import Frameset
from stage.solving.head import HEAD, HeadCorrection
from stage.solving.solver import Solver
from tests.body_model import body_model
from tests.stage.faces.exact_face import JAW_OPEN, LipGap, coefficients, face_model, facing, nobody
from tests.stage.faces.exact_face import seen as face_seen
from tests.stage.solving.synthetic_views import Actress, exact_map, frameset, ring_of_cameras

CAMERAS = ring_of_cameras(4)
TICK_S = 1.0 / 30.0
ACTORS = [ActorSection(id="alice")]


def _solver(*, face_camera: bool, **face: float) -> Solver:
    body = body_model()
    own = [CameraSection(id="face", source="file:none", face_of="alice")] if face_camera else []
    settings = FaceSection(**face)  # pyright: ignore[reportArgumentType]
    faces = FaceSolver(body, load_face_map(), LipGap(), ACTORS, settings, own)
    return Solver(
        body, CAMERAS, ACTORS, BodySection(), exact_map(body), {"alice": np.zeros(body.shape_count)}, faces=faces
    )


def _with_faces(actress: Actress, seconds: float, turn: np.ndarray | None = None) -> Frameset:
    """A frameset in which cameras before the face see it, the head turned by a rotation of its own."""
    G, p = actress.bones(seconds)
    R = G[HEAD] @ (np.eye(3) if turn is None else turn)
    points = face_model().mean @ R.T + p[HEAD]
    plain = frameset(CAMERAS, seconds, [actress.landmarks(seconds)])
    views = {}
    for camera in CAMERAS:
        pixels, depth = project(camera, points)
        frontal = (camera.R_camera_world @ R)[2, 1] > 0.3
        face = FaceLandmarks(0, "alice", to_bytes(np.column_stack([pixels, (depth - depth.mean()) * 170.0])), b"", 1.0)
        views[camera.id] = replace(plain.views[camera.id], faces=(face,) if frontal else ())
    return Frameset(plain.capture_ns, views)


def _jaw(performance: Performance) -> float:
    assert performance.face is not None
    return float(from_bytes(performance.face.shapes, (52,))[JAW_OPEN])


def test_a_body_whose_face_is_nowhere_seen_has_none():
    solver, actress = _solver(face_camera=False), Actress(body_model())
    performance = None
    for i in range(3):
        (performance,) = solver.step(frameset(CAMERAS, i * TICK_S, [actress.landmarks(i * TICK_S)]))
    assert performance is not None and performance.face is None


def test_a_face_in_the_bodys_views_comes_with_the_body():
    solver, actress = _solver(face_camera=False), Actress(body_model())
    performance = None
    for i in range(5):
        (performance,) = solver.step(_with_faces(actress, i * TICK_S))
    assert performance is not None and performance.face is not None
    assert performance.face.state == "tracking"
    assert len(performance.face.cameras) >= 1
    turn = Rotation.from_quat(from_bytes(performance.face.head, (4,))).magnitude()
    assert np.degrees(turn) < 5.0


def test_the_face_of_a_face_camera_is_that_of_the_framesets_instant():
    solver, actress = _solver(face_camera=True, neutral_seconds=0.0, smoothing=0.0), Actress(body_model())
    times_ns = [round(1e9 * k / 60.0) for k in range(40)]
    rising = [face_model().mean + face_model().expression(coefficients(JawOpen=0.02 * k)) for k in range(40)]
    shapes = []
    for time_ns, points in zip(times_ns, rising, strict=True):
        face = solver.step_face(face_seen(points, facing(), time_ns + 1))
        assert face is not None
        shapes.append(float(from_bytes(face.face.shapes, (52,))[JAW_OPEN]))
    between = (times_ns[20] + times_ns[21]) * 0.5e-9
    for seconds in (between - 2 * TICK_S, between - TICK_S, between):
        (performance,) = solver.step(frameset(CAMERAS, seconds, [actress.landmarks(seconds)]))
    assert abs(_jaw(performance) - 0.5 * (shapes[20] + shapes[21])) < 0.01
    late = times_ns[-1] * 1e-9 + 0.02
    (performance,) = solver.step(frameset(CAMERAS, late, [actress.landmarks(late)]))
    assert abs(_jaw(performance) - shapes[-1]) < 1e-6


def test_the_slip_of_a_helmet_never_turns_the_head():
    solver, still = _solver(face_camera=True), _solver(face_camera=True)
    actress = Actress(body_model())
    slipped = (facing()[0] @ Rotation.from_euler("x", 12, degrees=True).as_matrix(), facing()[1])
    a, b = [], []
    for i in range(6):
        for own, pose in ((solver, slipped), (still, facing())):
            own.step_face(face_seen(face_model().mean, pose, round(i * TICK_S * 1e9) + 1))
        a, b = (own.step(frameset(CAMERAS, i * TICK_S, [actress.landmarks(i * TICK_S)])) for own in (solver, still))
    assert [one.rotations for one in a] == [one.rotations for one in b]
    assert a[0].face is not None and b[0].face is not None
    assert a[0].face.head == b[0].face.head


def test_a_stage_of_face_cameras_alone_solves_faces():
    body = body_model()
    camera = CameraSection(id="face", source="file:none", face_of="alice")
    faces = FaceSolver(body, load_face_map(), LipGap(), ACTORS, FaceSection(), [camera])
    solver = Solver(body, [], ACTORS, BodySection(), exact_map(body), faces=faces)
    solver.warm_up()
    assert solver.step_face(nobody(1)) is None
    face = solver.step_face(face_seen(face_model().mean, facing(), 20_000_000))
    assert face is not None and face.face.state == "tracking"


def test_what_the_face_sees_turn_and_the_body_does_not_is_turned_and_nothing_else_is():
    solver, plain = _solver(face_camera=False), _solver(face_camera=False)
    actress, own, other = Actress(body_model()), None, None
    for i in range(60):
        turn = Rotation.from_euler("z", 12.0 if i >= 45 else 0.0, degrees=True)
        (own,) = solver.step(_with_faces(actress, i * TICK_S, turn.as_matrix()))
        (other,) = plain.step(frameset(CAMERAS, i * TICK_S, [actress.landmarks(i * TICK_S)]))
    assert own is not None and other is not None
    head = body_model().bones.index("head")
    a, b = (Rotation.from_quat(from_bytes(p.rotations, (53, 4))[head]) for p in (own, other))
    assert 2.0 < np.degrees((b.inv() * a).magnitude()) < 12.0
    others = [bone for bone in range(53) if bone != head]
    np.testing.assert_array_equal(
        from_bytes(own.rotations, (53, 4))[others], from_bytes(other.rotations, (53, 4))[others]
    )


def test_a_constant_difference_is_the_faces_own():
    correction, still = HeadCorrection(), Rotation.identity().as_matrix()
    tilted = Rotation.from_euler("x", 6, degrees=True).as_matrix()
    for i in range(1, 60):
        correction.update(still, tilted, 1.0, i * 33_000_000)
    D = torch.eye(3, dtype=torch.float64).repeat(22, 1, 1)
    G = correction.applied(Shown("tracking", D, torch.zeros(22, 3), D, np.ones(22))).G[HEAD].numpy()
    assert np.degrees(Rotation.from_matrix(G).magnitude()) < 0.5


def test_a_face_turned_too_far_is_somebody_elses():
    correction = HeadCorrection()
    away = Rotation.from_euler("z", 80, degrees=True).as_matrix()
    for i in range(1, 30):
        correction.update(np.eye(3), away, 1.0, i * 33_000_000)
    still = torch.eye(3, dtype=torch.float64).repeat(22, 1, 1)
    shown = Shown("tracking", still, torch.zeros(22, 3), still, np.ones(22))
    np.testing.assert_array_equal(correction.applied(shown).G.numpy(), shown.G.numpy())


def test_the_mesh_moves_with_the_face_and_nothing_below_does():
    solver, actress = _solver(face_camera=True, neutral_seconds=0.0, smoothing=0.0), Actress(body_model())
    meshes = []
    solver.step(frameset(CAMERAS, 0.1, [actress.landmarks(0.1)]))
    for number, jaw in enumerate((0.0, 0.9)):
        points = face_model().mean + face_model().expression(coefficients(JawOpen=jaw))
        for k in range(4):
            solver.step_face(face_seen(points, facing(), 60_000_000 + (4 * number + k) * 4_000_000))
        meshes.append(solver.vertices("alice").numpy().copy())
    moved = np.linalg.norm(meshes[1] - meshes[0], axis=1)
    body = body_model()
    on_head = (body.skin_weights * (body.skin_bones == body.bones.index("head"))).sum(1) > 0
    told = np.abs(body.facial_basis[JAW_OPEN]).max(1) > 0
    assert moved.max() > 0.005
    assert moved[~on_head & ~told].max() == 0.0


def test_an_identity_fades_along_the_neck():
    body = body_model()
    identity = np.random.default_rng(4).normal(0.0, 1.0, body.face_count)
    moved = body.rest_body(np.zeros(body.shape_count), identity).vertices - body.mean_vertices
    edges = np.concatenate([body.faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    share = (body.skin_weights * (body.skin_bones == body.bones.index("head"))).sum(1)
    at_rim = (share[edges].min(1) == 0.0) & (share[edges].max(1) > 0.0)
    assert np.linalg.norm(moved[edges[at_rim, 0]] - moved[edges[at_rim, 1]], axis=1).max() < 0.003


def test_skinning_with_a_face_is_skinning_a_changed_rest_body():
    from stage.bodies.skinning import Skinner

    body, random = body_model(), np.random.default_rng(0)
    rest, shapes = body.rest_body(np.zeros(body.shape_count)), random.uniform(0.0, 1.0, 52).astype(np.float32)
    changed = rest.vertices + np.tensordot(shapes, body.facial_basis.astype(np.float32), 1)
    T = torch.from_numpy(
        np.concatenate(
            [Rotation.from_rotvec(random.normal(size=(53, 3))).as_matrix(), random.normal(size=(53, 3, 1))], 2
        )
    )
    own = Skinner(body, rest.vertices).vertices(T, coefficients=shapes)
    expected = Skinner(body, changed.astype(np.float32)).vertices(T)
    np.testing.assert_allclose(own.numpy(), expected.numpy(), atol=2e-5)
