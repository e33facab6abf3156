"""A USD file says what the take says, by USD's own checks and its own skinning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protocols.axes import GLTF_FROM_WORLD
from protocols.names import RIG_BONES
from stage.bodies.body import load_body
from stage.export import ExportOptions, ExportSource, Wanted, gather
from stage.export._glb_mesh import shape_names
from stage.synthetic.kinematics import Poses, Skin, forward
from tests.demo_take import write_demo_take

pytest.importorskip("pxr")
from stage.export._pxr import Gf, Usd, UsdGeom, UsdSkel
from stage.export.usd import write_usd

AS_NEAR_M = 5e-4


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[ExportSource]:
    path = tmp_path_factory.mktemp("usd") / "scene_001.mcap"
    shape = np.random.default_rng(3).normal(size=load_body().shape_count)
    return gather(write_demo_take(path, 1.0, begin_s=13.0, actors=("anna", "ben-2"), shape=shape), Wanted(end="0.5"))


@pytest.fixture(scope="module", params=[".usdc", ".usdz"])
def opened(sources: list[ExportSource], request: pytest.FixtureRequest) -> Any:
    path = sources[0].take.path.with_name(f"scene_001{request.param}")
    assert write_usd(sources, path, ExportOptions()) == [path]
    return Usd.Stage.Open(str(path))


def test_usdchecker_finds_nothing(opened: Any) -> None:
    validation: Any = pytest.importorskip("pxr.UsdValidation")
    validators = validation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 20
    assert [error.GetErrorAsString() for error in validation.ValidationContext(validators).Validate(opened)] == []


def test_skinned_by_usd_the_mesh_is_the_stages(opened: Any, sources: list[ExportSource]) -> None:
    y_up = str(UsdGeom.GetStageUpAxis(opened)) == "Y"
    flat = Usd.Stage.Open(opened.Flatten())
    roots = [UsdSkel.Root(prim) for prim in flat.Traverse() if prim.IsA(UsdSkel.Root)]
    assert len(roots) == 2
    frames = (0, 7, len(sources[0]) - 1)
    for root, source in zip(roots, sources, strict=True):
        mesh = UsdGeom.Mesh(root.GetPrim().GetChild("Body"))
        assert UsdSkel.BakeSkinning(root, Gf.Interval(0, frames[-1]))
        skin = Skin(source.worn.model, source.worn.vertices)
        for frame in frames:
            motion = source.motion
            poses = Poses(motion.root[[frame]].astype(float), motion.rotations[[frame]].astype(float))
            G, heads = forward(source.rest_joints, poses)
            expected = skin.vertices(source.rest_joints, G[0], heads[0], motion.shapes[frame])
            expected = GLTF_FROM_WORLD.positions(expected) if y_up else expected
            assert np.abs(np.array(mesh.GetPointsAttr().Get(frame)) - expected).max() < AS_NEAR_M


def test_head_of_the_file(opened: Any, sources: list[ExportSource]) -> None:
    first = sources[0]
    assert opened.GetDefaultPrim().GetName() == "scene_001"
    assert UsdGeom.GetStageMetersPerUnit(opened) == 1.0
    assert opened.GetTimeCodesPerSecond() == opened.GetFramesPerSecond() == first.hertz
    assert (opened.GetStartTimeCode(), opened.GetEndTimeCode()) == (0, len(first) - 1)
    layer = opened.GetRootLayer()
    if layer.customLayerData:  # a package has a layer of its own around that of the take
        assert layer.customLayerData["timecode"] == first.start_timecode
        assert first.start_timecode in layer.comment
    names = [prim.GetName() for prim in opened.Traverse() if prim.IsA(UsdSkel.Root)]
    assert names == ["anna", "ben_2"]


def test_face_shapes_have_arkits_names_and_the_takes_values(opened: Any, sources: list[ExportSource]) -> None:
    (animation, *_) = [UsdSkel.Animation(prim) for prim in opened.Traverse() if prim.IsA(UsdSkel.Animation)]
    assert list(animation.GetBlendShapesAttr().Get()) == shape_names()
    np.testing.assert_allclose(
        np.array(animation.GetBlendShapeWeightsAttr().Get(5)), sources[0].motion.shapes[5], atol=1e-6
    )
    assert len(animation.GetJointsAttr().Get()) == len(RIG_BONES)
    meshes = [prim for prim in opened.Traverse() if prim.IsA(UsdGeom.Mesh)]
    assert [len(prim.GetChildren()) >= len(shape_names()) for prim in meshes] == [True, True]


def test_a_face_alone_turns_the_head(tmp_path: Path) -> None:
    sources = gather(write_demo_take(tmp_path / "scene_001.mcap", 0.1, bodies=False), Wanted())
    (path,) = write_usd(sources, tmp_path / "a.usda", ExportOptions())
    stage = Usd.Stage.Open(str(path))
    assert path.read_text().startswith("#usda")
    (animation,) = [UsdSkel.Animation(prim) for prim in stage.Traverse() if prim.IsA(UsdSkel.Animation)]
    assert animation.GetBlendShapeWeightsAttr().GetNumTimeSamples() == len(sources[0])
