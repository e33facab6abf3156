from __future__ import annotations

import numpy as np
import pytest
import viser

from protocols.names import RIG_BONES, RIG_PARENTS
from stage.cameras.camera import Camera
from stage.console import colours
from stage.console.actors import BODY_BONES
from stage.console.scene import MAX_ACTORS, StageScene
from tests.stage.console.samples import FACES, mesh, performance

VERTICES = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
JOINTS = np.random.default_rng(2).normal(size=(53, 3)).astype(np.float32)


@pytest.fixture
def scene(server: viser.ViserServer, ring_of_cameras: list[Camera]) -> StageScene:
    return StageScene(server, ring_of_cameras, FACES)


def part(server: viser.ViserServer, name: str, number: int = 0) -> viser.SceneNodeHandle:
    handle = server.scene.get_handle_by_name(f"/actors/{number}/{name}")
    assert handle is not None
    return handle


def test_the_body_moves(server: viser.ViserServer, scene: StageScene) -> None:
    for shift in (0.0, 0.5, -2.0):
        scene.show_mesh(mesh(VERTICES + np.float32(shift)))
        body = part(server, "mesh")
        assert isinstance(body, viser.MeshHandle)
        np.testing.assert_array_equal(body.vertices, VERTICES + np.float32(shift))
        np.testing.assert_array_equal(body.faces, FACES)


def test_the_skeleton_joins_every_bone_to_its_parent(server: viser.ViserServer, scene: StageScene) -> None:
    for shift in (0.0, 1.5):
        joints = JOINTS + np.float32(shift)
        scene.show_performance(performance(joints, confidence=0.3))
        bones, points = part(server, "bones"), part(server, "joints")
        assert isinstance(bones, viser.LineSegmentsHandle) and isinstance(points, viser.PointCloudHandle)
        drawn = {(tuple(a), tuple(b)) for a, b in bones.points}
        wanted = {(tuple(joints[p]), tuple(joints[b])) for b, p in enumerate(RIG_PARENTS) if p > 0}
        assert drawn == wanted
        np.testing.assert_array_equal(points.points, joints[BODY_BONES])
        colour = colours.confidence_colours(np.array([0.3]))
        assert (points.colors == colour).all() and (bones.colors == colours.as_line_colours(colour)).all()


def test_joints_that_are_drawn_are_the_bodys() -> None:
    drawn = {RIG_BONES[bone] for bone in BODY_BONES}
    assert {"pelvis", "head", "hand_l", "ball_r", "spine_01"} <= drawn
    assert not any("Root" in name or "thumb" in name or "index" in name for name in drawn)
    assert len(drawn) == 53 - 1 - 30


def test_states_are_seen(server: viser.ViserServer, scene: StageScene) -> None:
    scene.show_performance(performance(state="tracking"))
    scene.show_mesh(mesh(VERTICES))
    body, label = part(server, "mesh"), part(server, "label")
    assert isinstance(body, viser.MeshHandle) and isinstance(label, viser.LabelHandle)
    assert (body.color, label.text) == (colours.ACTORS[0], "ada")
    scene.show_performance(performance(state="holding"))
    assert (body.color, label.text) == (colours.STATES["holding"], "ada · holding")
    root = server.scene.get_handle_by_name("/actors/0")
    assert root is not None and root.visible
    scene.show_state("ada", "absent")
    assert not root.visible
    scene.show_performance(performance(state="tracking"))
    assert root.visible and (body.color, label.text) == (colours.ACTORS[0], "ada")


def test_parts_are_shown_and_hidden_also_of_those_who_come_later(server: viser.ViserServer, scene: StageScene) -> None:
    scene.show_performance(performance())
    scene.want("skeleton", False)
    scene.set_opacity(0.8)
    assert not part(server, "bones").visible and not part(server, "joints").visible
    scene.show_performance(performance(actor="bob"))
    scene.show_mesh(mesh(VERTICES, actor="bob"))
    body = part(server, "mesh", 1)
    assert isinstance(body, viser.MeshHandle)
    assert not part(server, "bones", 1).visible and body.visible and body.opacity == 0.8
    scene.want("mesh", False)
    scene.want("skeleton", True)
    scene.set_opacity(1.0)
    assert not body.visible and part(server, "bones", 0).visible and body.opacity is None


def test_a_body_of_another_model_is_not_drawn(server: viser.ViserServer, scene: StageScene) -> None:
    scene.show_mesh(mesh(np.zeros((3, 3), np.float32)))
    assert server.scene.get_handle_by_name("/actors/0/mesh") is None
    scene.show_mesh(mesh(VERTICES))
    scene.show_mesh(mesh(np.zeros((5, 3), np.float32)))
    body = part(server, "mesh")
    assert isinstance(body, viser.MeshHandle) and len(body.vertices) == 4


def test_without_a_body_model_there_are_skeletons(server: viser.ViserServer) -> None:
    scene = StageScene(server, [], np.empty((0, 3), np.int32))
    scene.show_mesh(mesh(VERTICES))
    scene.show_performance(performance())
    assert server.scene.get_handle_by_name("/actors/0/mesh") is None
    assert part(server, "bones").visible


def test_actors_are_bounded(scene: StageScene) -> None:
    for number in range(MAX_ACTORS + 5):
        scene.show_performance(performance(actor=f"a/{number}"))
    assert len(scene.actors) == MAX_ACTORS


def test_an_update_sends_four_messages_and_keeps_none(server: viser.ViserServer, scene: StageScene) -> None:
    """What is sent again replaces what waits, so a browser that does not keep up costs no memory."""
    scene.show_performance(performance(JOINTS))
    scene.show_mesh(mesh(VERTICES))
    buffer = server._websock_server.get_message_buffer()
    counts = []
    for shift in range(1, 50):
        before = buffer.message_counter
        scene.show_performance(performance(JOINTS + np.float32(shift)))
        scene.show_mesh(mesh(VERTICES + np.float32(shift)))
        assert buffer.message_counter - before == 4
        counts.append(len(buffer.message_from_id))
    assert len(set(counts)) == 1
