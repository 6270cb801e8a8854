import numpy as np
import pytest

from merx.simulate import Simulation


@pytest.fixture(scope="session")
def shop():
    return Simulation(users=1500, items=120, days=364, seed=1).run()


@pytest.fixture(scope="session")
def events(shop):
    """Events as a pandas frame, with `user`, `item` (codes) and `day` beside the ids."""
    frame = shop.tables["events"].to_pandas()
    frame["item"] = frame["item_id"].str[1:].astype(int)
    frame["user"] = frame["user_id"].str[1:].astype(float).fillna(-1).astype(int)
    frame["day"] = (frame["time"].values.astype("datetime64[D]") - np.datetime64(shop.truth.start)).astype(
        int
    )
    return frame
