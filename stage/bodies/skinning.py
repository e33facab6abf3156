"""Linear blend skinning as one sparse matrix product.

A vertex is v = sum_j w_j (G_j v_rest + t_j). For a given rest body the factors w_j [v_rest, 1] are constant;
they form a sparse matrix A (V x 4J, about seven entries per row), and all vertices of one pose are A B with
B the stacked bone transforms (4J x 3). On one core this is some sixty times faster than gathering matrices.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch

from stage.bodies.body import BodyModel


class Skinner:
    """Skins one rest body; rebuild it when the shape changes."""

    def __init__(self, body: BodyModel, rest_vertices: np.ndarray, device: torch.device | str = "cpu") -> None:
        used = body.skin_weights > 0
        vertex, _ = np.nonzero(used)
        weights, bones = body.skin_weights[used], body.skin_bones[used]
        homogeneous = np.concatenate([rest_vertices, np.ones((len(rest_vertices), 1), np.float32)], 1)
        values = weights[:, None] * homogeneous[vertex]
        columns = bones[:, None] * 4 + np.arange(4)
        starts = np.concatenate([[0], np.cumsum(4 * used.sum(1))])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls its CSR layout beta
            self._matrix = torch.sparse_csr_tensor(
                torch.from_numpy(starts.astype(np.int32)),
                torch.from_numpy(columns.reshape(-1).astype(np.int32)),
                torch.from_numpy(values.reshape(-1).astype(np.float32)),
                size=(len(rest_vertices), 4 * len(body.bones)),
                check_invariants=True,
            ).to(device)
        self.vertex_count = len(rest_vertices)

    def vertices(self, transforms: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """Posed vertices (V, 3) of bone transforms (J, 3, 4), written to `out` where given."""
        stacked = transforms.transpose(-1, -2).reshape(-1, 3).to(torch.float32)
        if out is None:
            return self._matrix @ stacked
        return torch.mm(self._matrix, stacked, out=out)
