"""What other performers provide, merged by the solver: bones, faces, bodies without cameras; and measuring again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.spatial.transform import Rotation

from protocols.arrays import from_bytes, to_bytes
from protocols.external import ExternalBones, ExternalFace
from protocols.messages import FacePerformance, Performance
from protocols.names import ARKIT_SHAPES, RIG_BONES, RIG_PARENTS
from stage.config import ActorSection, AnyInputSection, BodySection, CameraSection, FaceSection
from stage.correspondence.face_map import load_face_map
from stage.faces.solver import FaceSolver
from stage.solving.solver import Solver
from tests.body_model import body_model
from tests.stage.faces.exact_face import JAW_OPEN, LipGap, coefficients, face_model, facing
from tests.stage.faces.exact_face import seen as face_seen
from tests.stage.inputs.sections import input_section
from tests.stage.outputs.performers import pose, random_pose
from tests.stage.solving.synthetic_views import Actress, exact_map, frameset, ring_of_cameras
from tests.stage.solving.test_external_bones import apart, humanoid

CAMERAS = ring_of_cameras(4)
TICK_S = 1.0 / 30.0
TICK_NS = round(TICK_S * 1e9)
ALICE = ActorSection(id="alice")
PHONE = input_section("livelink", actor="alice", id="phone")
BLINK = ARKIT_SHAPES.index("EyeBlinkLeft")


def solver(*inputs: AnyInputSection, cameras=CAMERAS, face_camera: bool = False, **body: Any) -> Solver:
    model = body_model()
    own = [CameraSection(id="face", source="file:none", face_of="alice")] if face_camera else []
    faces = FaceSolver(model, load_face_map(), LipGap(), [ALICE], FaceSection(neutral_seconds=0.5), own, inputs=inputs)
    shapes = {} if body else {"alice": np.zeros(model.shape_count)}
    return Solver(model, cameras, [ALICE], BodySection(**body), exact_map(model), shapes, faces=faces, inputs=inputs)


def posed_at_random(seed: int) -> Performance:
    return random_pose(seed, body_model().mean_joints).performance


def bones(performance: Performance, capture_ns: int, *given: str) -> ExternalBones:
    record = humanoid(performance, given) if given else humanoid(performance)
    return replace(record, actor="alice", input="other", capture_ns=capture_ns)


def face(capture_ns: int, *, head: bytes = b"", tracked: bool = True, **shapes: float) -> ExternalFace:
    values = to_bytes(np.array([shapes.get(name, 0.0) for name in ARKIT_SHAPES]))
    gaze = to_bytes(np.array([[0.2, 0.1], [0.2, 0.1]]))
    return ExternalFace("phone", "alice", 0, capture_ns, tracked, *((values, head, gaze) if tracked else (b"",) * 3))


def walk(stage: Solver, actress: Actress, ticks: range, before=lambda capture_ns: None) -> list[Performance]:
    performances = []
    for tick in ticks:
        before(tick * TICK_NS)
        performances += stage.step(frameset(CAMERAS, tick * TICK_S, [actress.landmarks(tick * TICK_S)]))
    return performances


def quaternions(performance: Performance) -> np.ndarray:
    return from_bytes(performance.rotations, (53, 4)).astype(np.float64)


def check_it_agrees(stage: Solver, performance: Performance) -> None:
    """Rotations, joints and mesh are one pose; forward kinematics written down once more."""
    rest = from_bytes(performance.rest_joints, (53, 3)).astype(np.float64)
    joints = from_bytes(performance.joints, (53, 3))
    root, D = from_bytes(performance.root, (7,)), Rotation.from_quat(quaternions(performance))
    G, heads = [Rotation.from_quat(root[3:])], [root[:3].astype(np.float64)]
    for bone in range(1, 53):
        parent = RIG_PARENTS[bone]
        G.append(G[parent] * D[bone])
        heads.append(heads[parent] + G[parent].apply(rest[bone] - rest[parent]))
    assert np.allclose(heads, joints, atol=1e-5)
    vertices, body = stage.vertices("alice").cpu().numpy(), stage.body
    for bone in ("hand_l", "head", "ball_r"):
        index = RIG_BONES.index(bone)
        weight = np.where(body.skin_bones == index, body.skin_weights, 0.0).sum(1)
        rigid = np.flatnonzero((weight > 0.999) & (np.abs(body.face_basis).max((0, 2)) == 0))[:50]
        rigid = rigid[np.abs(body.facial_basis[:, rigid]).max((0, 2)) == 0]
        placed = heads[index] + G[index].apply(body.mean_vertices[rigid] - rest[index])
        assert np.allclose(vertices[rigid], placed, atol=1e-4)


def test_without_external_data_inputs_change_nothing():
    actress = Actress(body_model())
    plain = walk(solver(), actress, range(10))
    with_inputs = walk(solver(input_section("vmc", actor="alice", id="other"), PHONE), actress, range(10))
    assert plain == with_inputs


def test_arms_of_another_performer_replace_the_stages_own_and_all_agrees():
    stage = solver(input_section("vmc", actor="alice", id="other", take=("arms", "fingers")))
    actress, other = Actress(body_model()), posed_at_random(4)
    own = walk(solver(), actress, range(20))[-1]
    last = walk(stage, actress, range(20), lambda t: stage.take_external(bones(other, t)))[-1]
    for index, bone in enumerate(RIG_BONES):
        part = bone.split("_")[0]
        external = part in ("clavicle", "upperarm", "lowerarm", "hand", "thumb", "index", "middle", "ring", "pinky")
        wanted = quaternions(other if external else own)[index]
        assert apart(quaternions(last)[index], wanted) < 1e-4, bone
    check_it_agrees(stage, last)


def test_hips_of_another_performer_place_the_body():
    stage = solver(input_section("vmc", actor="alice", id="other", take=("hips",)))
    other = pose({}, root=Rotation.from_euler("z", 90, degrees=True), place=(2.0, 1.0, 0.1)).performance
    last = walk(stage, Actress(body_model()), range(20), lambda t: stage.take_external(bones(other, t)))[-1]
    wanted = from_bytes(other.joints, (53, 3))[1]
    assert np.allclose(from_bytes(last.joints, (53, 3))[1], wanted, atol=1e-4)
    check_it_agrees(stage, last)


def test_a_silent_performer_hands_back_without_a_jump():
    stage = solver(input_section("vmc", actor="alice", id="other", take=("arms",), timeout_ms=200.0))
    actress, other = Actress(body_model()), posed_at_random(4)
    own = walk(solver(), actress, range(60))
    mixed = walk(stage, actress, range(60), lambda t: stage.take_external(bones(other, t)) if t < 1e9 else None)
    hand = RIG_BONES.index("hand_l")
    away = np.array([apart(quaternions(a)[hand], quaternions(b)[hand]) for a, b in zip(own, mixed, strict=True)])
    assert away[0] < 1e-6 and away[25] > 0.5 and away[-1] < 1e-6
    assert np.abs(np.diff(away)).max() < away.max() * (TICK_S / 0.2) * 1.1 + 1e-3


def test_the_same_records_give_the_same_bytes():
    runs = []
    for _ in range(2):
        stage = solver(input_section("vmc", actor="alice", id="other", take=("arms",)), PHONE)

        def tell(t: int, stage: Solver = stage) -> None:
            stage.take_external(bones(posed_at_random(4), t + 5_000_000))
            stage.take_external(face(t + 7_000_000, JawOpen=0.3))

        runs.append(walk(stage, Actress(body_model()), range(12), tell))
    assert runs[0] == runs[1]


def test_a_phones_face_is_a_stream_of_its_own_and_that_of_the_body():
    stage, actress = solver(PHONE), Actress(body_model())
    made, performance = [], None
    for k in range(120):
        (record,) = stage.take_external(face(k * TICK_NS // 2, JawOpen=0.5, EyeLookUpLeft=0.25))
        assert isinstance(record, FacePerformance)
        made.append(record)
        if k % 2 == 0:
            (performance,) = stage.step(frameset(CAMERAS, k // 2 * TICK_S, [actress.landmarks(k // 2 * TICK_S)]))
    assert [record.number for record in made] == list(range(120))
    assert made[7].capture_ns == 7 * TICK_NS // 2 == made[7].trace.capture_ns
    last = made[-1].face
    assert last.state == "tracking" and last.cameras == ()
    assert from_bytes(last.shapes, (52,))[JAW_OPEN] == pytest.approx(0.5)
    assert np.allclose(from_bytes(last.gaze, (2, 2)), [[0.2, 0.1], [0.2, 0.1]])
    assert performance is not None and performance.face is not None
    assert from_bytes(performance.face.shapes, (52,))[JAW_OPEN] == pytest.approx(0.5)
    assert performance.face.head == last.head
    assert stage.faces is not None
    shapes = stage.faces.shapes_at("alice", performance.capture_ns)
    assert shapes is not None and np.allclose(shapes, from_bytes(last.shapes, (52,)), atol=1e-6)
    assert stage.face_facts()["faces"] == "alice from phone"


def test_a_phone_wins_over_the_face_camera_while_it_sends_and_hands_back():
    stage = solver(replace(PHONE, timeout_ms=200.0), face_camera=True)
    points = face_model().mean + face_model().expression(coefficients(JawOpen=0.0))
    made: list[FacePerformance] = []
    for k in range(180):
        t = k * TICK_NS // 2 + 1
        if 60 <= k < 120:
            made += [r for r in stage.take_external(face(t - 2_000_000, JawOpen=1.0)) if isinstance(r, FacePerformance)]
        own = stage.step_face(face_seen(points, facing(), t))
        made += [] if own is None else [own]
    times = [record.capture_ns for record in made]
    assert times == sorted(times) and [record.number for record in made] == list(range(len(made)))
    assert max(np.diff(times)) < 150_000_000  # never silent for longer than receivers wait
    jaws = np.array([from_bytes(record.face.shapes, (52,))[JAW_OPEN] for record in made])
    assert jaws.max() == pytest.approx(1.0) and jaws[-1] < 0.05
    assert np.abs(np.diff(jaws)).max() < 0.6  # of those that come every 100 ms or so
    from_phone = [not record.face.cameras for record in made]
    assert sum(from_phone) < len(made)


def test_a_phone_that_loses_the_face_lets_it_fade():
    stage = solver(PHONE, cameras=[])
    states = []
    for k in range(120):
        out = stage.take_external(face(k * TICK_NS // 2, JawOpen=0.5, tracked=k < 30))
        assert len(out) == 1 and isinstance(out[0], FacePerformance)
        states.append(out[0].face.state)
    assert states[29] == "tracking"
    assert [s for i, s in enumerate(states) if i == 0 or states[i - 1] != s] == ["tracking", "fading", "absent"]


def test_only_what_is_configured_is_taken():
    stage = solver(replace(PHONE, take=("eyes",)), face_camera=True)
    points, made = face_model().mean + face_model().expression(coefficients(JawOpen=0.0)), None
    for k in range(60):
        stage.step_face(face_seen(points, facing(), k * TICK_NS // 2 + 1))
        (made,) = stage.take_external(face(k * TICK_NS // 2 + 2, JawOpen=1.0, EyeBlinkLeft=1.0, EyeLookUpLeft=0.5))
    assert isinstance(made, FacePerformance)
    shapes = from_bytes(made.face.shapes, (52,))
    assert shapes[JAW_OPEN] < 0.1 and shapes[BLINK] < 0.1
    assert shapes[ARKIT_SHAPES.index("EyeLookUpLeft")] == pytest.approx(0.5)


def test_a_phone_on_a_stand_turns_the_bodys_head():
    stage = solver(replace(PHONE, take=("face", "eyes", "head")))
    turn = Rotation.from_euler("z", 35, degrees=True)
    head = to_bytes(turn.as_quat())
    last = walk(stage, Actress(body_model()), range(20), lambda t: stage.take_external(face(t, head=head)))[-1]
    D = Rotation.from_quat(quaternions(last))
    neck, skull = RIG_BONES.index("neck_01"), RIG_BONES.index("head")
    assert ((D[neck] * D[skull]).inv() * turn).magnitude() < 1e-4
    assert last.face is not None
    assert (Rotation.from_quat(from_bytes(last.face.head, (4,))).inv() * turn).magnitude() < 1e-4
    check_it_agrees(stage, last)


def test_a_body_by_vmc_alone_needs_no_camera():
    section = input_section("vmc", actor="alice", id="other", take=("hips", "spine", "head", "arms", "fingers", "legs"))
    stage, other = solver(section, cameras=[]), posed_at_random(6)
    stage.warm_up()
    performance = None
    for k in range(4):
        (performance,) = stage.take_external(bones(other, 1 + k * TICK_NS))
        assert isinstance(performance, Performance)
        assert (performance.number, performance.capture_ns) == (k, 1 + k * TICK_NS)
        assert performance.state == "tracking" and performance.cameras == ()
    assert isinstance(performance, Performance)
    for index in range(2, 53):
        assert apart(quaternions(performance)[index], quaternions(other)[index]) < 1e-4, RIG_BONES[index]
    check_it_agrees(stage, performance)


def test_gloves_make_no_body():
    stage = solver(input_section("vmc", actor="alice", id="other", take=("fingers",)), cameras=[])
    assert stage.take_external(bones(pose().performance, 1)) == []


def test_records_of_strangers_are_left_alone():
    stage = solver(PHONE)
    assert stage.take_external(replace(face(1), actor="bob")) == []
    assert stage.take_external(replace(face(1), input="other")) == []
    assert stage.take_external(bones(pose().performance, 1)) == []


def test_a_body_is_measured_again_while_the_show_goes_on():
    stage, model = solver(shape_seconds=0.4), body_model()
    small = np.zeros(model.shape_count)
    small[0] = 1.0
    actress, other = Actress(model), Actress(model, small)
    walk(stage, actress, range(40))
    before = stage.final_shapes()["alice"].copy()
    stage.measure_again("alice")
    assert stage.final_shapes() == {}
    assert np.array_equal(stage.shapes()["alice"], before)
    performances = walk(stage, other, range(40, 90))
    assert {p.state for p in performances} == {"tracking"}
    after = stage.final_shapes()["alice"]
    assert abs(after[0] - 1.0) < abs(before[0] - 1.0) - 0.3


def test_a_face_is_measured_again_and_the_old_one_is_used_until_then():
    stage = solver(face_camera=True, cameras=[])
    points = face_model().mean + face_model().expression(coefficients(JawOpen=0.0))
    open_ = face_model().mean + face_model().expression(coefficients(JawOpen=0.3))

    def see(what: np.ndarray, frames: range) -> FacePerformance:
        made = [stage.step_face(face_seen(what, facing(), k * TICK_NS // 2 + 1)) for k in frames][-1]
        assert made is not None
        return made

    see(points, range(300))
    before = stage.final_faces()["alice"]
    stage.measure_again("alice")
    assert stage.final_faces() == {}
    made = see(points, range(300, 310))
    assert from_bytes(made.face.shapes, (52,))[JAW_OPEN] < 0.05  # the old neutral still counts
    see(open_, range(310, 700))
    after = stage.final_faces()["alice"]
    assert not np.allclose(after.neutral, before.neutral, equal_nan=True)


def test_a_face_that_nobody_shows_any_more_fades_to_rest_and_is_absent():
    stage, made = solver(PHONE, cameras=[]), []
    for k in range(60):
        made += stage.take_external(face(k * TICK_NS // 2, JawOpen=0.5))
        assert stage.pass_time(k * TICK_NS // 2) == []
    for k in range(60, 600):
        made += stage.pass_time(k * TICK_NS // 2)
    records = [record for record in made if isinstance(record, FacePerformance)]
    assert [r.number for r in records] == list(range(len(records)))
    jaws = np.array([from_bytes(r.face.shapes, (52,))[JAW_OPEN] for r in records])[60:]
    assert np.all(np.diff(jaws) <= 1e-6) and jaws[-1] == 0.0 and len(jaws) < 40
    states = [r.face.state for r in records]
    assert list(dict.fromkeys(states)) == ["tracking", "holding", "fading", "absent"]


def test_a_body_that_nobody_shows_any_more_keeps_its_pose_and_is_absent():
    section = input_section("vmc", actor="alice", id="other", take=("hips", "spine"))
    stage = solver(section, cameras=[])
    (last,) = stage.take_external(bones(posed_at_random(6), 1))
    assert stage.pass_time(400_000_000) == []
    after = [record for t in range(5, 40) for record in stage.pass_time(t * 100_000_000 + 2)]
    assert isinstance(last, Performance)
    assert [record.state for record in after if isinstance(record, Performance)] == ["holding", "absent"]
    assert {record.joints for record in after if isinstance(record, Performance)} == {last.joints}


def test_a_body_that_no_camera_has_seen_yet_comes_at_the_framesets_rate():
    stage = solver(input_section("vmc", actor="alice", id="other", take=("hips", "spine", "legs")))
    other = posed_at_random(6)
    performances = []
    for tick in range(5):
        assert stage.take_external(bones(other, 1 + tick * TICK_NS)) == []
        performances += stage.step(frameset(CAMERAS, tick * TICK_S + 1e-6, []))
    assert len(performances) == 5 and performances[-1].state == "tracking"
    hips = from_bytes(performances[-1].joints, (53, 3))[1]
    assert np.allclose(hips, from_bytes(other.joints, (53, 3))[1], atol=1e-4)
    check_it_agrees(stage, performances[-1])
