"""One actor in a USD stage: skeleton, animation, mesh with its skin and its face shapes.

/<take>/<actor>            SkelRoot
Skeleton               joints "Root/pelvis/...", at rest turned by nothing
Animation          translations, rotations, scales; blendShapeWeights
Body                   Mesh; one BlendShape below it for each face shape
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.names import RIG_BONES, RIG_PARENTS
from stage.export._glb_mesh import MATERIALS, by_material, normals, shape_names
from stage.export._pose import continuous, poses
from stage.export._pxr import Gf, Kind, Sdf, Tf, Usd, UsdGeom, UsdShade, UsdSkel, Vt
from stage.export._source import ExportSource

_LEAST_MOVE_M = 1e-6
_REACH_M = 0.35
"""Skin is never further from all joints than this."""


class Axes(NamedTuple):
    """From the stage's world to the file's."""

    R: NDArray[np.float64]
    """(3, 3)."""

    def positions(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """(..., 3) metres."""
        return np.ascontiguousarray(values @ self.R.T, np.float32)

    def rotations(self, quaternions: NDArray[np.floating]) -> NDArray[np.float32]:
        """(..., 4) xyzw: turned with the axes."""
        return np.ascontiguousarray(np.concatenate([quaternions[..., :3] @ self.R.T, quaternions[..., 3:]], -1), "f4")


Z_UP = Axes(np.eye(3))
Y_UP = Axes(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]))


def joint_paths() -> list[str]:
    """The joints as UsdSkel names them, "Root/pelvis/spine_01"."""
    paths: list[str] = []
    for name, parent in zip(RIG_BONES, RIG_PARENTS, strict=True):
        paths.append(f"{paths[parent]}/{name}" if parent >= 0 else name)
    return paths


def add_actor(stage: Any, parent: Any, source: ExportSource, axes: Axes) -> None:
    """Adds an actor below a prim; times are frames of the source."""
    root = UsdSkel.Root.Define(stage, parent.AppendChild(Tf.MakeValidIdentifier(source.actor)))
    Usd.ModelAPI(root).SetKind(Kind.Tokens.component)
    skeleton = _skeleton(stage, root.GetPath(), source, axes)
    animation, reach = _animation(stage, skeleton.GetPath(), source, axes)
    root.CreateExtentAttr(reach)
    binding = UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([animation.GetPath()])
    _mesh(stage, root.GetPath(), source, axes, skeleton)


def _skeleton(stage: Any, root: Any, source: ExportSource, axes: Axes) -> Any:
    rest = axes.positions(source.rest_joints).astype(np.float64)
    local = rest - np.where(np.array(RIG_PARENTS)[:, None] >= 0, rest[np.maximum(RIG_PARENTS, 0)], 0.0)
    skeleton = UsdSkel.Skeleton.Define(stage, root.AppendChild("Skeleton"))
    skeleton.CreateJointsAttr(joint_paths())
    skeleton.CreateBindTransformsAttr(Vt.Matrix4dArray.FromNumpy(_translations(rest)))
    skeleton.CreateRestTransformsAttr(Vt.Matrix4dArray.FromNumpy(_translations(local)))
    return skeleton


def _translations(offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """(J, 4, 4) in USD's order: the last row is the offset."""
    matrices = np.tile(np.eye(4), (len(offsets), 1, 1))
    matrices[:, 3, :3] = offsets
    return matrices


def _animation(stage: Any, skeleton: Any, source: ExportSource, axes: Axes) -> tuple[Any, Any]:
    """What the actor does, and a box around all of it."""
    shown = poses(source)
    rotations = shown.rotations.copy()
    rotations[:, 0] = shown.root[:, 3:]
    rotations = continuous(axes.rotations(rotations))
    rotations /= np.linalg.norm(rotations, axis=-1, keepdims=True)
    rest = axes.positions(source.rest_joints)
    offsets = rest - rest[np.maximum(RIG_PARENTS, 0)]
    places = axes.positions(shown.root[:, :3])
    animation = UsdSkel.Animation.Define(stage, skeleton.AppendChild("Animation"))
    animation.CreateJointsAttr(joint_paths())
    animation.CreateScalesAttr(Vt.Vec3hArray([Gf.Vec3h(1, 1, 1)] * len(RIG_BONES)))
    translations, turns = animation.CreateTranslationsAttr(), animation.CreateRotationsAttr()
    for frame in range(len(source)):
        offsets[0] = places[frame]
        translations.Set(Vt.Vec3fArray.FromNumpy(offsets), frame)
        turns.Set(Vt.QuatfArray.FromNumpy(rotations[frame]), frame)
    if len(source.motion.face_ns):
        animation.CreateBlendShapesAttr(shape_names())
        weights = animation.CreateBlendShapeWeightsAttr()
        for frame, shapes in enumerate(np.ascontiguousarray(shown.shapes, np.float32)):
            weights.Set(Vt.FloatArray.FromNumpy(shapes), frame)
    joints = source.motion.joints if len(source.motion.capture_ns) else source.rest_joints[None]
    around = axes.positions(np.asarray(joints)).reshape(-1, 3)
    return animation, Vt.Vec3fArray.FromNumpy(np.stack([around.min(0) - _REACH_M, around.max(0) + _REACH_M]))


def _mesh(stage: Any, root: Any, source: ExportSource, axes: Axes, skeleton: Any) -> None:
    model, worn = source.worn.model, np.asarray(source.worn.vertices, np.float32)
    vertices = axes.positions(worn)
    faces = np.ascontiguousarray(model.faces, np.int32)
    mesh = UsdGeom.Mesh.Define(stage, root.AppendChild("Body"))
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(vertices))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(faces), 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.reshape(-1)))
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(axes.positions(normals(worn, model.faces))))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.stack([vertices.min(0), vertices.max(0)])))
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1.0))
    width = model.skin_bones.shape[1]
    order = np.argsort(-model.skin_weights, 1, kind="stable")
    weights = np.take_along_axis(model.skin_weights, order, 1)
    bones = np.where(weights > 0.0, np.take_along_axis(model.skin_bones, order, 1), 0)
    weights = weights / weights.sum(1, keepdims=True)
    binding.CreateJointIndicesPrimvar(False, width).Set(Vt.IntArray.FromNumpy(bones.astype(np.int32).reshape(-1)))
    binding.CreateJointWeightsPrimvar(False, width).Set(Vt.FloatArray.FromNumpy(weights.astype("f4").reshape(-1)))
    if len(source.motion.face_ns):
        _face_shapes(stage, mesh, binding, source, axes)
    _materials(stage, root, mesh, source)


def _face_shapes(stage: Any, mesh: Any, binding: Any, source: ExportSource, axes: Axes) -> None:
    targets = []
    for name, action in zip(shape_names(), source.worn.model.facial_basis, strict=True):
        moved = np.flatnonzero(np.abs(action).max(1) > _LEAST_MOVE_M).astype(np.int32)
        shape = UsdSkel.BlendShape.Define(stage, mesh.GetPath().AppendChild(name))
        shape.CreateOffsetsAttr(Vt.Vec3fArray.FromNumpy(axes.positions(action[moved].astype(np.float32))))
        shape.CreatePointIndicesAttr(Vt.IntArray.FromNumpy(moved))
        targets.append(shape.GetPath())
    binding.CreateBlendShapesAttr(shape_names())
    binding.CreateBlendShapeTargetsRel().SetTargets(targets)


def _materials(stage: Any, root: Any, mesh: Any, source: ExportSource) -> None:
    """Plain colours that tell the parts apart."""
    of_face = {tuple(face): number for number, face in enumerate(source.worn.model.faces.tolist())}
    scope = UsdGeom.Scope.Define(stage, root.AppendChild("Materials")).GetPath()
    api = UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim())
    api.SetMaterialBindSubsetsFamilyType(UsdGeom.Tokens.partition)
    for number, faces in by_material(source.worn.model):
        entry = MATERIALS[number]
        look = entry["pbrMetallicRoughness"]
        material = UsdShade.Material.Define(stage, scope.AppendChild(entry["name"]))
        shader = UsdShade.Shader.Define(stage, material.GetPath().AppendChild("Surface"))
        shader.CreateIdAttr("UsdPreviewSurface")
        shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*look["baseColorFactor"][:3]))
        shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(float(look["roughnessFactor"]))
        material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
        rows = np.array([of_face[tuple(face)] for face in faces.tolist()], np.int32)
        subset = api.CreateMaterialBindSubset(entry["name"], Vt.IntArray.FromNumpy(rows))
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(material)
