"""Shops that several tests read; a test that changes one takes a copy."""

import os
import shutil

import pytest
from filelock import FileLock
from hypothesis import settings

# A test must not fail because the machine is busy.
settings.register_profile("merx", deadline=None, derandomize=True)
settings.load_profile("merx")


def pytest_collection_modifyitems(items):
    """The longest come first: a long one that begins last would keep one core at work and the others idle."""
    items.sort(key=lambda item: item.path.name != "test_pages.py")


@pytest.fixture(scope="session")
def fitted_shop_folder(tmp_path_factory):
    """Made by the first process that needs it, for all of them."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder /= "fitted"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            begun = tmp_path_factory.mktemp("shops")
            make_fitted_shop(begun / "small")
            begun.rename(folder)
    return folder / "small"


def make_fitted_shop(folder):
    from merx.shop import Shop
    from merx.simulating import simulate

    simulate(folder, users=200, items=40, days=210, seed=1)
    with open(folder / "shop.toml", "a") as settings:
        settings.write("\n[forecast]\nfew_items = 1\n\n[models.price_response]\ndraws = 50\n")
        settings.write("\n[models.sequence]\nepochs = 3\n")
        settings.write("\n[models.boosted]\ntrees = 30\nleaves = 8\n")
    Shop(folder).fit()
    Shop(folder).fit("sequence", "auto_arima")


@pytest.fixture
def shop(fitted_shop_folder, tmp_path):
    """A copy of a simulated shop with fitted models."""
    from merx.shop import Shop

    shutil.copytree(fitted_shop_folder, tmp_path / "small")
    shutil.copytree(fitted_shop_folder.with_name("small-truth"), tmp_path / "small-truth", dirs_exist_ok=True)
    return Shop(tmp_path / "small")
