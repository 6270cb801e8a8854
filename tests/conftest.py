"""Shops that several tests read; a test that changes one takes a copy."""

import shutil

import pytest
from hypothesis import settings

# A test must not fail because the machine is busy.
settings.register_profile("merx", deadline=None, derandomize=True)
settings.load_profile("merx")


@pytest.fixture(scope="session")
def fitted_shop_folder(tmp_path_factory):
    from merx.shop import Shop, simulate

    folder = tmp_path_factory.mktemp("shops") / "small"
    simulate(folder, users=200, items=40, days=210, seed=1)
    with open(folder / "shop.toml", "a") as settings:
        settings.write("\n[forecast]\nfew_items = 1\n\n[models.price_response]\ndraws = 50\n")
        settings.write("\n[models.sequence]\nepochs = 3\n")
        settings.write("\n[models.boosted]\ntrees = 30\nleaves = 8\n")
    Shop(folder).fit()
    Shop(folder).fit("sequence")
    return folder


@pytest.fixture
def shop(fitted_shop_folder, tmp_path):
    """A copy of a simulated shop with fitted models."""
    from merx.shop import Shop

    shutil.copytree(fitted_shop_folder, tmp_path / "small")
    shutil.copytree(fitted_shop_folder.with_name("small-truth"), tmp_path / "small-truth", dirs_exist_ok=True)
    return Shop(tmp_path / "small")
