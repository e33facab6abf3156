"""USD: UsdSkel with skinned bodies, their skeletons, the 52 face shapes as blend shapes, and what they did.

The file's suffix chooses its form: .usdc (binary, the usual one), .usda (text), .usdz (a package for Apple's AR).
Lengths are metres (metersPerUnit 1) and Z is up, in a .usdz Y, as AR wants it. Time codes are frames: 0 is the first,
timeCodesPerSecond their rate; the timecode stands in the layer's comment and customLayerData.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from stage.errors import ExportError
from stage.export._files import placed
from stage.export._pxr import Kind, Sdf, Tf, Usd, UsdGeom, UsdUtils
from stage.export._source import ExportOptions, ExportSource
from stage.export._usd_body import Y_UP, Z_UP, Axes, add_actor


def write_usd(sources: Sequence[ExportSource], path: Path, options: ExportOptions) -> list[Path]:
    """Writes all actors and what they did into one file.

    Args:
        sources: One for each actor, all with the same frames.
        path: A file that is not there; .usdc, .usda, .usd or .usdz.
        options: Whether it may replace one.

    Returns:
        The file.

    Raises:
        ExportError: The file is there, or cannot be written.
        BodyModelError: The body model is not prepared.
    """
    with placed(path, overwrite=options.overwrite) as unfinished:
        try:
            if path.suffix.lower() != ".usdz":
                _write(sources, unfinished, Z_UP)
            else:
                with tempfile.TemporaryDirectory(prefix="stage-export-") as folder:
                    layer = Path(folder) / f"{Tf.MakeValidIdentifier(path.stem)}.usdc"
                    _write(sources, layer, Y_UP)
                    if not UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(str(layer)), str(unfinished)):
                        raise ExportError(f"{path} cannot be written")
        except Tf.ErrorException as error:
            raise ExportError(f"{path} cannot be written: {error}") from error
    return [path]


def _write(sources: Sequence[ExportSource], path: Path, axes: Axes) -> None:
    first = sources[0]
    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y if axes is Y_UP else UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetTimeCodesPerSecond(first.hertz)
    stage.SetFramesPerSecond(first.hertz)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(len(first) - 1)
    stage.SetInterpolationType(Usd.InterpolationTypeLinear)
    timecode = first.timecode_at(0)
    layer = stage.GetRootLayer()
    layer.comment = f"Stage: take {first.name}" + (f", timecode {first.start_timecode}" if timecode else "")
    layer.customLayerData = {
        "take": first.name,
        "timecode": first.start_timecode,
        "timecodeRate": "" if timecode is None else timecode.rate.text,
        "stageTimeNs": str(int(first.times_ns[0])),  # more digits than some readers keep
    }
    root = UsdGeom.Xform.Define(stage, Sdf.Path.absoluteRootPath.AppendChild(Tf.MakeValidIdentifier(first.name)))
    Usd.ModelAPI(root).SetKind(Kind.Tokens.assembly)
    stage.SetDefaultPrim(root.GetPrim())
    for source in sources:
        add_actor(stage, root.GetPath(), source, axes)
    layer.Save()
