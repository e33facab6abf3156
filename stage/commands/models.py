"""`stage models`."""

from __future__ import annotations

from stage.commands.options import OptionalFile


def models(*, from_wheel: OptionalFile = None) -> int:
    """Fetch and verify the landmark networks, and build the body model's cache; once, then it only checks.

    Args:
        from_wheel: Take the networks from this wheel instead of downloading it, for machines without a network.
    """
    from stage.bodies.anny_model import build_cache
    from stage.networks.store import run_models

    status = run_models(from_wheel)
    print(f"body model: {build_cache()}")
    return status
