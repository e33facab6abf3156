"""Profiles while a stage runs; the worker's test follows a whole measurement."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stage.bodies.profile import load_shape, save_shape
from stage.config import ActorSection, BodySection, CameraSection, Config
from stage.solving.profile_keeper import ProfileKeeper
from stage.solving.solver import Solver
from tests.body_model import body_model
from tests.stage.solving.synthetic_views import exact_map, ring_of_cameras

ROOM = CameraSection(id="cam0", source="device:0")


def keeper(folder: Path, *, cameras: tuple[CameraSection, ...] = (ROOM,)) -> tuple[ProfileKeeper, Solver]:
    actors = tuple(ActorSection(id=name, profile=str(folder / name)) for name in ("anna", "bruno"))
    body = body_model()
    solver = Solver(body, ring_of_cameras(len(cameras)), actors, BodySection(), exact_map(body))
    return ProfileKeeper(Config(cameras=cameras, actors=actors), solver), solver


def test_what_a_profile_knows_is_worn_and_not_written_again(tmp_path):
    shape = np.linspace(-1.0, 1.0, body_model().shape_count)
    save_shape(tmp_path / "anna", body_model(), shape)
    profiles, solver = keeper(tmp_path)
    assert np.allclose(solver.shapes()["anna"], shape, atol=1e-5)
    assert profiles.keep() == []
    assert profiles.progress == "anna known, bruno being estimated"


def test_calibrating_keeps_the_old_shape_until_a_new_one_is_measured(tmp_path):
    shape = np.linspace(-1.0, 1.0, body_model().shape_count)
    save_shape(tmp_path / "anna", body_model(), shape)
    profiles, solver = keeper(tmp_path)
    promise = profiles.calibrate("anna")
    assert promise.ok and "the body from 3 s" in promise.text
    assert profiles.progress == "anna being estimated, bruno being estimated"
    assert profiles.keep() == []
    assert np.allclose(solver.shapes()["anna"], shape, atol=1e-5)
    solver.estimate("anna").frozen = True  # as after three seconds
    (news,) = profiles.keep()
    assert news.kind == "info" and news.text.startswith("anna: body shape estimated, kept in")
    assert (tmp_path / "anna" / "body-1.toml").exists()
    assert load_shape(tmp_path / "anna", body_model()) is not None


def test_an_unknown_actor_is_refused_with_the_nearest_known_one(tmp_path):
    promise = keeper(tmp_path)[0].calibrate("brno")
    assert not promise.ok and '"bruno"' in promise.text


def test_nothing_is_measured_where_no_camera_looks(tmp_path):
    profiles, _ = keeper(tmp_path, cameras=())
    promise = profiles.calibrate("anna")
    assert not promise.ok and "no camera" in promise.text
    assert profiles.progress.startswith("anna unknown")


def test_a_profile_that_cannot_be_written_is_a_warning(tmp_path):
    profiles, solver = keeper(tmp_path)
    (tmp_path / "anna").write_text("in the way")
    solver.estimate("anna").frozen = True
    (news,) = profiles.keep()
    assert news.kind == "warning" and "for this run only" in news.text
