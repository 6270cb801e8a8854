"""merx, the open decision engine for online shops: what to show, what will happen, what to charge."""

import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from merx.shop import Shop as Shop
    from merx.simulate import Simulation as Simulation

# A thread of LightGBM or torch that waits for the others sleeps. Spinning, it keeps a busy core from them:
# beside other work on two cores a forest took 25 seconds instead of 4. Read when those libraries are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = version("merx")

_FACE = {"Shop": "merx.shop", "Simulation": "merx.simulate"}

__all__ = ["Shop", "Simulation", "__version__"]


def __getattr__(name: str) -> Any:
    """Load the parts of the face when they are first asked for, so that `import merx` stays light."""
    import importlib

    if name not in _FACE:
        raise AttributeError(f"module 'merx' has no attribute {name!r}")
    return getattr(importlib.import_module(_FACE[name]), name)
