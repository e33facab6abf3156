"""Checks of what set-up installs: Python packages, network files and the body model."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

from stage.bodies.body import body_cache_path
from stage.config import Config
from stage.doctor._finding import Finding
from stage.networks.store import NETWORK_FILES, is_intact, path_of

PACKAGES = ("torch", "openvino", "anny", "opencv-python-headless", "av", "pyzmq", "viser", "aiomqtt")
"""Those with compiled parts, or whose version changes what Stage can do."""


def check_parts(config: Config | None) -> Iterator[Finding]:
    """Findings about packages, networks and the body model."""
    yield check_packages(PACKAGES)
    own_network = config is not None and config.body.network not in NETWORK_FILES
    for name in NETWORK_FILES:
        if own_network and name == "mediapipe-pose":
            continue
        yield check_network(name)
    if own_network and config is not None:
        yield Finding("ok", "networks", f"landmarks by {config.body.network}")
    if config is not None:
        yield from check_named_networks(config)
    yield check_body_model()


def check_packages(names: tuple[str, ...]) -> Finding:
    """Whether the packages are installed, without loading them."""
    versions, missing = [], []
    for name in names:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("fail", "packages", f"missing: {', '.join(missing)}", "run `make live`, which installs them")
    return Finding("ok", "packages", ", ".join(versions))


def check_named_networks(config: Config) -> Iterator[Finding]:
    """Findings about networks of hands and faces that the config names and that do not exist."""
    for section, name, used in (
        ("hands", config.hands.network, config.hands.enabled),
        ("face", config.face.network, config.face.enabled),
    ):
        if used and name not in NETWORK_FILES:
            known = ", ".join(sorted(NETWORK_FILES))
            yield Finding("fail", "networks", f"[{section}] names {name!r}; known are {known}", "mend stage.toml")


def check_network(name: str) -> Finding:
    """Whether the cache holds the network, byte for byte."""
    path = path_of(name)
    if is_intact(name):
        return Finding("ok", "networks", f"{name}: {path}")
    state = "is damaged" if path.exists() else "is not there"
    return Finding("fail", "networks", f"{name}: {path} {state}", "run `stage models`")


def check_body_model() -> Finding:
    """Whether the body model's cache has been built."""
    path = body_cache_path()
    if path.exists():
        return Finding("ok", "body", str(path))
    return Finding("fail", "body", f"{path} is not there", "run `stage models` (about a minute, once)")
