"""A simulated shop with known truth: the yardstick for recommendation, forecast and pricing."""

from merx.simulate.simulation import SimulatedShop, Simulation
from merx.simulate.truth import Truth, read_truth

__all__ = ["SimulatedShop", "Simulation", "Truth", "read_truth"]
