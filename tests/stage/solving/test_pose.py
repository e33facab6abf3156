from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from stage.solving.pose import Pose, exp, inverse_left_jacobian, log, skew

vectors = st.lists(st.floats(-1.7, 1.7), min_size=3, max_size=3).map(lambda v: torch.tensor(v, dtype=torch.float64))


@given(vectors)
def test_log_undoes_exp_below_half_a_turn(v):
    assert torch.allclose(log(exp(v)), v, atol=1e-9)


@given(vectors)
def test_exp_is_a_rotation(v):
    R = exp(v)
    assert torch.allclose(R @ R.T, torch.eye(3, dtype=torch.float64), atol=1e-12)
    assert torch.isclose(torch.linalg.det(R), torch.tensor(1.0, dtype=torch.float64))


@given(vectors, vectors)
def test_skew_is_the_cross_product(v, w):
    assert torch.allclose(skew(v) @ w, torch.linalg.cross(v, w), atol=1e-12)


@given(vectors)
def test_inverse_left_jacobian_against_finite_differences(v):
    J, h = inverse_left_jacobian(v), 1e-6
    numeric = torch.stack(
        [(log(exp(d) @ exp(v)) - log(exp(-d) @ exp(v))) / (2 * h) for d in h * torch.eye(3, dtype=torch.float64)], -1
    )
    assert torch.allclose(J, numeric, atol=1e-5)


def test_a_step_leads_there_and_back():
    generator = torch.Generator().manual_seed(0)
    origin = Pose(torch.zeros(2, 3).double(), exp(torch.randn(2, 22, 3, generator=generator).double()))
    step = 0.5 * torch.randn(2, 69, generator=generator).double()
    assert torch.allclose(origin.moved(step).step_from(origin), step, atol=1e-9)
