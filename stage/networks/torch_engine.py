"""The engine for GPUs: the network's graph in torch, recorded once and replayed by a CUDA graph.

A small network on a GPU is all launch overhead; a CUDA graph launches the whole network at once.
The batch is the size of the graph: a call for fewer crops computes the others in vain, which on a
GPU costs next to nothing. On the CPU the same code runs without a graph, slower than OpenVINO.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from stage.errors import NetworkError
from stage.networks.engine import Normalisation, read_graph, running_mean
from stage.networks.torch_graph import TorchGraph

_WARM_UPS = 3


class TorchEngine:
    """Runs `.tflite` and ONNX files by torch."""

    def __init__(
        self,
        path: Path,
        outputs: Sequence[int],
        normalisation: Normalisation,
        *,
        batch: int = 1,
        device: str = "cuda",
        threads: int = 1,
        precision: str = "auto",
    ) -> None:
        """Read, check and translate the network, and record it on a GPU.

        Args:
            path: The network file.
            outputs: Indices of the network's outputs to compute, in the order `infer` gives them.
            normalisation: How pixels become numbers.
            batch: How many crops `inputs` holds.
            device: "cuda" or "cpu".
            threads: Threads of torch on the CPU.
            precision: "auto", "bf16" or "f32"; "auto" is bf16 on a GPU that has it.

        Raises:
            NetworkError: The file is missing, corrupt, not of this form, or there is no such device.
        """
        if device == "cuda" and not torch.cuda.is_available():
            raise NetworkError('no CUDA device, or a torch without CUDA; set body.device = "cpu"')
        self._device = torch.device(device)
        if precision == "auto":
            precision = "bf16" if device == "cuda" and torch.cuda.is_bf16_supported() else "f32"
        if device == "cpu":
            torch.set_num_threads(threads)
        model = read_graph(path, outputs, normalisation)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._graph = TorchGraph(model, self._device, dtype)
        self._normalisation = normalisation
        self._mean = torch.tensor(normalisation.mean, device=self._device)
        self._scale = torch.tensor(normalisation.scale, device=self._device)
        shape = tuple(model.input(0).shape)
        height, width = shape[2:] if normalisation.channels_first else shape[1:3]
        self._host = torch.zeros((batch, height, width, 3), dtype=torch.uint8, pin_memory=device == "cuda")
        self.inputs: npt.NDArray[np.uint8] = self._host.numpy()
        self._run = self._recorded() if device == "cuda" else self._computed
        self._ms_per_crop = 0.0
        name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
        self._facts = {
            "engine": f"torch {torch.__version__}",
            "device": name,
            "precision": precision,
            "threads": str(threads),
        }

    def infer(self, count: int) -> tuple[npt.NDArray[np.float32], ...]:
        """Outputs of the first `count` crops, each (count, ...); valid until the next call."""
        begin = time.perf_counter()
        with torch.inference_mode():
            outputs = tuple(output.numpy()[:count] for output in self._run(count))
        self._ms_per_crop = running_mean(self._ms_per_crop, (time.perf_counter() - begin) * 1e3 / count)
        return outputs

    @property
    def facts(self) -> dict[str, str]:
        """Engine, device, precision, threads, time per crop."""
        return {**self._facts, "ms per crop": f"{self._ms_per_crop:.1f}"}

    def _forward(self, pixels: Tensor) -> list[Tensor]:
        """Outputs for uint8 (n, H, W, 3) BGR on the device."""
        ordered = pixels.flip(-1) if self._normalisation.rgb else pixels
        images = (ordered.float() - self._mean) / self._scale
        return self._graph(images.permute(0, 3, 1, 2) if self._normalisation.channels_first else images)

    def _computed(self, count: int) -> list[Tensor]:
        return self._forward(self._host[:count])

    def _recorded(self) -> Callable[[int], list[Tensor]]:
        """Record the network for a whole batch; the function that replays it."""
        pixels = torch.zeros_like(self._host, device=self._device)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.inference_mode():
            with torch.cuda.stream(stream):
                for _ in range(_WARM_UPS):
                    self._forward(pixels)
            torch.cuda.current_stream().wait_stream(stream)
            recording = torch.cuda.CUDAGraph()
            with torch.cuda.graph(recording):
                results = self._forward(pixels)
            hosts = [torch.zeros(result.shape, dtype=torch.float32, pin_memory=True) for result in results]

        def replay(_count: int) -> list[Tensor]:
            pixels.copy_(self._host, non_blocking=True)
            recording.replay()
            for host, result in zip(hosts, results, strict=True):
                host.copy_(result, non_blocking=True)
            torch.cuda.current_stream().synchronize()
            return hosts

        return replay
