from __future__ import annotations

import numpy as np
import pytest

from protocols.names import ARKIT_SHAPES
from stage.bodies.body import load_body
from stage.cameras.geometry import project
from stage.errors import BodyModelError
from stage.synthetic.faces.expressions import obey, random_curve
from stage.synthetic.faces.head import load_head
from stage.synthetic.faces.look import FaceLook
from stage.synthetic.faces.renderer import FaceRenderer
from stage.synthetic.faces.shots import FaceShot, Sensor, random_shot

BALD = FaceLook(hair_volume_m=0.0)
BODY = load_body()
FACE = BODY.mean_joints[BODY.bones.index("head")].astype(np.float64) + np.array([0.0, -0.105, 0.055])
CAMERA = FaceShot(distance_m=0.8, size_px=80.0).camera(FACE)
BLACK = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)


@pytest.fixture(scope="module")
def renderer() -> FaceRenderer:
    return FaceRenderer()


def _of(name: str) -> np.ndarray:
    return BODY.mean_vertices + BODY.facial_basis[ARKIT_SHAPES.index(name)].astype(np.float32)


def test_the_picture_covers_what_the_camera_projects(renderer: FaceRenderer) -> None:
    drawn = np.asarray(renderer.render(BODY.mean_vertices, CAMERA, BALD, background=BLACK).any(axis=2))
    pixels, _ = project(CAMERA, BODY.mean_vertices[load_head().body_vertices])
    inside = pixels[(pixels.min(1) > 1) & (pixels.max(1) < CAMERA.width - 2)].round().astype(int)
    assert drawn[inside[:, 1], inside[:, 0]].mean() > 0.99
    ys, xs = np.nonzero(drawn)
    assert xs.min() >= np.floor(pixels[:, 0].min()) - 1 and xs.max() <= np.ceil(pixels[:, 0].max()) + 1
    assert ys.min() >= np.floor(pixels[:, 1].min()) - 1


def test_what_is_behind_the_head_does_not_show(renderer: FaceRenderer) -> None:
    moved = BODY.mean_vertices.copy()
    # The eyeballs' backs, inside of the head, are pulled about: nothing changes.
    hidden = [
        v for v in load_head().body_vertices if -0.145 < moved[v, 1] < -0.140 and abs(moved[v, 2] - 1.6774) < 0.01
    ]
    before = renderer.render(moved, CAMERA, BALD)
    moved[hidden, 1] += 0.002
    assert len(hidden) > 10
    assert np.abs(renderer.render(moved, CAMERA, BALD).astype(int) - before).mean() < 0.05


def test_the_background_is_kept_where_nothing_is_drawn(renderer: FaceRenderer) -> None:
    background = np.random.default_rng(0).integers(0, 255, BLACK.shape).astype(np.uint8)
    image = renderer.render(BODY.mean_vertices, CAMERA, BALD, background=background)
    assert np.array_equal(image[:8, :8], background[:8, :8])


@pytest.mark.parametrize("name", ["JawOpen", "EyeBlinkLeft", "MouthSmileRight", "BrowInnerUp", "TongueOut"])
def test_an_expression_changes_the_picture(renderer: FaceRenderer, name: str) -> None:
    vertices = _of(name) if name != "TongueOut" else _of(name) + (_of("JawOpen") - BODY.mean_vertices)
    calm = BODY.mean_vertices if name != "TongueOut" else _of("JawOpen")
    changed = np.abs(renderer.render(vertices, CAMERA).astype(int) - renderer.render(calm, CAMERA)).max(axis=2) > 10
    assert changed.sum() > 10


def test_the_same_face_gives_the_same_picture(renderer: FaceRenderer) -> None:
    first = renderer.render(BODY.mean_vertices, CAMERA)
    assert np.array_equal(renderer.render(BODY.mean_vertices, CAMERA), first)


def test_vertices_of_another_mesh_are_refused(renderer: FaceRenderer) -> None:
    with pytest.raises(BodyModelError, match="vertices"):
        renderer.render(np.zeros((10, 3)), CAMERA)


def test_teeth_follow_the_jaw() -> None:
    head = load_head()
    calm, opened = head.vertices_of(BODY.mean_vertices), head.vertices_of(_of("JawOpen"))
    fall = (calm - opened)[len(head.body_vertices) :, 2].reshape(2, -1)
    assert np.abs(fall[0]).max() < 0.003
    assert fall[1].min() > 0.006


def test_a_shot_puts_the_face_where_it_says() -> None:
    random = np.random.default_rng(4)
    for _ in range(20):
        shot = random_shot(random)
        camera = shot.camera(FACE)
        pixel, depth = project(camera, FACE)
        at = 0.5 * (camera.width - 1) + np.array(shot.shift) * shot.size_px
        np.testing.assert_allclose(pixel, at, atol=1e-6)
        assert np.linalg.norm(camera.center_world - FACE) == pytest.approx(shot.distance_m)
        assert depth > 0.0


def test_a_grey_sensor_gives_grey() -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    grey = Sensor(grey=True, noise=3.0).picture(image, np.random.default_rng(1))
    assert (grey == grey[..., :1]).all()


def test_curves_stay_within_the_rules() -> None:
    random = np.random.default_rng(5)
    curves = np.concatenate([random_curve(random, 20, 30.0) for _ in range(60)])
    index = ARKIT_SHAPES.index
    assert curves.min() >= 0.0 and curves.max() <= 1.0
    assert (curves[:, index("MouthClose")] <= curves[:, index("JawOpen")] + 1e-9).all()
    assert np.minimum(curves[:, index("JawLeft")], curves[:, index("JawRight")]).max() < 0.3
    assert np.minimum(curves[:, index("EyeLookUpLeft")], curves[:, index("EyeLookDownLeft")]).max() == 0.0


def test_every_shape_is_active_often_enough_to_be_learned() -> None:
    random = np.random.default_rng(6)
    curves = np.stack([random_curve(random, 1, 30.0)[0] for _ in range(800)])
    assert ((curves > 0.1).mean(0) > 0.04).all()
    assert (curves.max(0) > 0.6).all()


def test_the_rules_leave_alone_what_obeys_them() -> None:
    random = np.random.default_rng(7)
    once = obey(random.uniform(0.0, 1.0, (50, 52)))
    np.testing.assert_allclose(obey(once.copy())[:, :14], once[:, :14], atol=0.3)
