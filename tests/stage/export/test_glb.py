"""GLB files hold the stage's own meshes, as the specification and the Khronos validator read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.axes import GLTF_FROM_WORLD
from protocols.names import ARKIT_SHAPES, RIG_BONES
from stage.bodies.body import load_body
from stage.errors import ExportError
from stage.export import ExportOptions, ExportSource, Wanted, gather
from stage.export.glb import write_glb
from stage.synthetic.kinematics import Poses, Skin, forward
from tests.body_model import body_model
from tests.demo_take import write_demo_take

pygltflib = pytest.importorskip("pygltflib", reason="the extra `dev` is not installed")
from tests.glb_files import GlbReader, validator_issues  # noqa: E402

SHAPE = np.linspace(-1.0, 1.0, 20)
AS_NEAR_M = 5e-4


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    body_model()
    path = tmp_path_factory.mktemp("glb") / "scene_001.mcap"
    return write_demo_take(path, 0.8, actors=("anna", "ben"), shape=SHAPE, begin_s=12.0)


@pytest.fixture(scope="module")
def sources(take: Path) -> list[ExportSource]:
    return gather(take, Wanted())


@pytest.fixture(scope="module")
def glb(take: Path, sources: list[ExportSource]) -> Path:
    (path,) = write_glb(sources, take.with_suffix(".glb"), ExportOptions())
    return path


def test_the_validator_finds_nothing(glb: Path) -> None:
    issues = validator_issues(glb)
    if issues is None:
        pytest.skip("gltf-validator is not installed (needs node; make tests/node/node_modules)")
    assert (issues["numErrors"], issues["numWarnings"], issues["messages"]) == (0, 0, [])


def test_a_mesh_is_the_stages_own(glb: Path, sources: list[ExportSource]) -> None:
    reader = GlbReader(glb)
    body = load_body()
    for actor, source in enumerate(sources):
        motion = source.motion
        rotations = motion.rotations.astype(np.float64)
        G, heads = forward(motion.rest_joints.astype(np.float64), Poses(motion.root.astype(np.float64), rotations))
        skin = Skin(body, body.rest_body(SHAPE).vertices)
        assert np.abs(motion.shapes).max() > 0.3
        for key in (0, 11, len(source) - 1):
            ours = skin.vertices(motion.rest_joints, G[key], heads[key], motion.shapes[key])
            theirs = reader.vertices(reader.node(f"{source.actor}_body"), key)
            apart = np.linalg.norm(GLTF_FROM_WORLD.inverse.positions(theirs) - ours, axis=1)
            assert apart.max() < AS_NEAR_M
            joints = reader.joint_places(key)
            for bone, name in enumerate(RIG_BONES):
                place = GLTF_FROM_WORLD.inverse.positions(joints[reader.node(name, actor)])
                np.testing.assert_allclose(place, motion.joints[key, bone], atol=1e-5)


def test_the_body_stands_on_y_0_and_faces_z(glb: Path) -> None:
    reader = GlbReader(glb)
    primitive = reader.document.meshes[0].primitives[0]
    vertices, normals = (reader.array(index) for index in (primitive.attributes.POSITION, primitive.attributes.NORMAL))
    assert vertices.shape == normals.shape == (13_718, 3)
    assert abs(vertices[:, 1].min()) < 0.02 and 1.4 < vertices[:, 1].max() < 2.1
    nose = vertices[vertices[:, 1] > vertices[:, 1].max() - 0.25][:, 2]
    assert nose.max() > 0.1 > -nose.min() - 0.1
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-5)
    chest = np.argmax(vertices[:, 2])
    assert normals[chest, 2] > 0.7
    left = reader.document.nodes[reader.node("clavicle_l")].translation
    assert left[0] > 0


def test_face_shapes_have_arkits_names_and_move_little_else_than_the_face(glb: Path) -> None:
    document = GlbReader(glb).document
    for mesh in document.meshes:
        names = mesh.extras["targetNames"]
        assert [name[0].upper() + name[1:] for name in names] == list(ARKIT_SHAPES)
        assert len(mesh.primitives[0].targets) == len(names) == len(mesh.weights)
        assert all(document.accessors[target["POSITION"]].sparse.count < 3000 for target in mesh.primitives[0].targets)


def test_take_rate_and_timecode_are_told(glb: Path, sources: list[ExportSource]) -> None:
    reader = GlbReader(glb)
    facts = reader.document.animations[0].extras
    assert facts == reader.document.scenes[0].extras
    assert facts["take"] == "scene_001"
    assert facts["timecode"] == "10:00:00:01" == sources[0].start_timecode
    assert (facts["timecodeRate"], facts["frameRate"]) == ("30", 30)
    np.testing.assert_allclose(reader.times, sources[0].seconds, atol=1e-6)


def test_a_face_without_a_body_gets_the_mean_one(tmp_path: Path) -> None:
    body_model()
    path = write_demo_take(tmp_path / "scene_001.mcap", 0.3, bodies=False)
    (source,) = gather(path, Wanted())
    (made,) = write_glb([source], path.with_suffix(".glb"), ExportOptions())
    reader = GlbReader(made)
    body = load_body()
    expected = body.mean_vertices + np.tensordot(source.motion.shapes[2], body.facial_basis.astype(np.float32), 1)
    vertices = GLTF_FROM_WORLD.inverse.positions(reader.vertices(reader.node("anna_body"), 2))
    assert np.linalg.norm(vertices - expected, axis=1).max() < AS_NEAR_M
    assert "mean body" in source.worn.warning


def test_a_body_without_a_profile_is_fitted_to_the_skeleton(tmp_path: Path) -> None:
    body_model()
    seen = np.where(np.arange(len(SHAPE)) < len(SHAPE) - 1, SHAPE, 0.0)  # how high a head is, joints do not tell
    path = write_demo_take(tmp_path / "scene_001.mcap", 0.3, shape=seen, profiles=False)
    (source,) = gather(path, Wanted())
    assert "no body profile" in source.worn.warning
    assert source.shape is None
    expected = load_body().rest_body(seen).vertices
    assert np.linalg.norm(source.worn.vertices - expected, axis=1).max() < 8e-3


def test_nothing_is_overwritten_and_nothing_half_made_stays(glb: Path, sources: list[ExportSource]) -> None:
    before, files = glb.read_bytes(), set(glb.parent.iterdir())
    with pytest.raises(ExportError, match=r"scene_001-2\.glb is free"):
        write_glb(sources, glb, ExportOptions())
    assert glb.read_bytes() == before
    assert set(glb.parent.iterdir()) == files
