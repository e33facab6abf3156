"""Checks of the machine: interpreter, processor, memory, shared memory, GPU, cameras and clock."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from stage.doctor._finding import Finding

SHARED_MEMORY = Path("/dev/shm")
RING_BYTES = 64_000_000
"""Room that the frame ring of one 1080p camera may take, with some to spare."""

_BF16_FLAGS = ("avx512_bf16", "amx_bf16")
_UNSYNCHRONISED = 5
"""What adjtimex returns while the kernel's clock follows no reference (TIME_ERROR)."""


def check_machine(camera_count: int) -> Iterator[Finding]:
    """Findings about the machine, for a stage of `camera_count` cameras."""
    yield check_python(sys.version_info[:3])
    yield check_cpu(read_cpu_flags(), platform.machine())
    yield check_cores(len(psutil.Process().cpu_affinity() or [0]) if hasattr(psutil.Process, "cpu_affinity") else 1)
    yield check_memory(psutil.virtual_memory().available)
    yield check_shared_memory(SHARED_MEMORY, camera_count)
    yield check_gpu()
    yield from check_cameras(Path("/dev"))
    yield check_clock()


def check_python(version: tuple[int, int, int]) -> Finding:
    """Whether this interpreter is one that Stage is tested on."""
    text = ".".join(map(str, version))
    if (3, 11) <= version[:2] <= (3, 13):
        return Finding("ok", "python", text)
    return Finding("fail", "python", text, "install Python 3.11, 3.12 or 3.13 and run `make live` again")


def read_cpu_flags() -> frozenset[str]:
    """Feature flags of the processor as Linux names them; empty where they cannot be read."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return frozenset(flags.partition(":")[2].split())


def check_cpu(flags: frozenset[str], machine: str) -> Finding:
    """Which precision the landmark networks will have."""
    bf16 = [flag for flag in _BF16_FLAGS if flag in flags]
    if bf16:
        return Finding("ok", "cpu", f"{machine}, networks in bf16 ({', '.join(bf16)})")
    if machine in ("x86_64", "AMD64") and "avx2" not in flags:
        return Finding("warn", "cpu", f"{machine} without AVX2, networks slow", "use a processor of the last ten years")
    return Finding(
        "ok", "cpu", f"{machine}, networks in f32 (no bf16, about half the speed): fewer or slower cameras per core"
    )


def check_cores(cores: int) -> Finding:
    """Whether there are enough processor cores for a small stage."""
    if cores >= 2:
        return Finding("ok", "cores", str(cores))
    return Finding("warn", "cores", str(cores), "give the stage two cores or more; frames will be left out on one")


def check_memory(available_bytes: int) -> Finding:
    """Whether the processes of a small stage fit."""
    text = f"{available_bytes / 1e9:.1f} GB available"
    if available_bytes >= 3e9:
        return Finding("ok", "memory", text)
    return Finding("warn", "memory", text, "a small stage takes about 2 GB; close other programs")


def check_shared_memory(folder: Path, camera_count: int) -> Finding:
    """Whether the frame rings fit into shared memory."""
    subject = "shm"
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return Finding("fail", subject, f"{folder} is not there or not writable", "mount a tmpfs there")
    usage = psutil.disk_usage(str(folder))
    needed = camera_count * RING_BYTES
    text = f"{usage.free / 1e6:.0f} MB free in {folder}, {camera_count} cameras take up to {needed / 1e6:.0f} MB"
    if usage.free >= needed:
        return Finding("ok", subject, text)
    return Finding("warn", subject, text, "enlarge it (docker: --shm-size=1g) or use smaller images")


def check_gpu() -> Finding:
    """Whether a GPU is there that torch can use; torch is only loaded where a driver is."""
    if not Path("/proc/driver/nvidia/version").exists():
        return Finding("ok", "gpu", "none; the CPU is used")
    import torch

    if torch.cuda.is_available():
        name = torch.cuda.get_device_name(0)
        return Finding("ok", "gpu", f'{name} through torch {torch.__version__}; body.device = "cuda" uses it')
    return Finding(
        "warn",
        "gpu",
        f"a driver is there, but torch {torch.__version__} cannot use it",
        "install the CUDA build of the same torch version, or stay on the CPU",
    )


def check_cameras(folder: Path) -> Iterator[Finding]:
    """One finding per video device, or one that says there is none."""
    devices = sorted(folder.glob("video[0-9]*"))
    if not devices:
        yield Finding("ok", "cameras", f"no {folder}/video*; files, folders and streams work")
    for device in devices:
        name_file = Path("/sys/class/video4linux", device.name, "name")
        name = name_file.read_text().strip() if name_file.exists() else "unnamed"
        if os.access(device, os.R_OK | os.W_OK):
            yield Finding("ok", "cameras", f'"device:{device.name.removeprefix("video")}" is {name}')
        else:
            yield Finding("warn", "cameras", f"{device} ({name}) may not be opened", "join the group video")


def check_clock() -> Finding:
    """Resolution of the monotonic clock, and whether the wall clock follows a reference."""
    resolution_ns = time.get_clock_info("monotonic").resolution * 1e9
    text = f"monotonic clock in steps of {resolution_ns:.0f} ns"
    if resolution_ns > 1e6:
        return Finding("warn", "clock", text, "latencies below a millisecond cannot be told apart")
    synchronised = is_wall_clock_synchronised()
    if synchronised is None:
        return Finding("ok", "clock", f"{text}; NTP state unknown")
    if synchronised:
        return Finding("ok", "clock", f"{text}; wall clock follows NTP")
    advice = "with receivers or cameras on other hosts, run chrony or systemd-timesyncd; on one host nothing is lost"
    return Finding("warn", "clock", f"{text}; wall clock follows no reference", advice)


def is_wall_clock_synchronised() -> bool | None:
    """Ask the kernel; None where it cannot be asked."""
    if not sys.platform.startswith("linux"):
        return None
    # adjtimex with mode 0 only reads. struct timex is 208 bytes; its first member is the mode.
    timex = ctypes.create_string_buffer(512)
    state = ctypes.CDLL(None).adjtimex(timex)
    return None if state < 0 else state != _UNSYNCHRONISED
