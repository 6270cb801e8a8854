"""Prices that anybody may ask about: the same figures as the quotes', and nothing stored."""

import numpy as np
import pytest

from merx.errors import RequestError
from merx.price import what_if as module
from merx.price.limits import PriceRules
from merx.price.optimise import optimise
from merx.price.response import PriceResponse
from merx.price.what_if import WhatIf

from .worlds import make_world


def test_the_figures_are_those_of_the_quotes(monkeypatch):
    panel = make_world("random", 1, items=30, weeks=60, categories=2).panel
    model = PriceResponse().fit(panel)
    quotes = optimise(model, panel, PriceRules())
    monkeypatch.setattr(module, "WIDTH", 7)  # several parts, the last of them shorter
    ready = WhatIf.of(model)
    assert [len(part.items) for part in ready.parts] == [7, 7, 7, 7, 2]
    found = ready.ask(quotes.price, panel.cost)
    for name in ("units", "revenue", "profit"):
        assert np.allclose(getattr(found, name), getattr(quotes, name), rtol=2e-6), name
    draws = model.draws(quotes.price[:, None])[:, :, 0]
    whole = np.stack([draws.sum(axis=1), draws @ quotes.price, draws @ (quotes.price - panel.cost)], axis=1)
    assert np.allclose(found.drawn, whole, rtol=1e-5)
    assert np.allclose(found.total[:, 1], np.quantile(whole, 0.1, axis=0), rtol=1e-5)
    assert (found.total[:, 1] < found.total[:, 0]).all()
    few = ready.ask(quotes.price, panel.cost, np.full(30, 2.0))
    assert (few.units <= 2.0).all()


def test_a_loss_has_its_worst_case_below_its_best():
    panel = make_world("random", 1, items=5, weeks=60, categories=1).panel
    found = WhatIf.of(PriceResponse().fit(panel)).ask(panel.price_now, 2 * panel.price_now)
    assert (found.profit[:, 1] < found.profit[:, 0]).all()
    assert (found.profit[:, 0] < found.profit[:, 2]).all()
    unknown = WhatIf.of(PriceResponse().fit(panel)).ask(panel.price_now, np.full(5, np.nan))
    assert np.isnan(unknown.profit).all()
    assert unknown.total[2].tolist() == [0, 0, 0]


def test_other_demand_models_can_be_asked():
    panel = make_world("random", 1, items=5, weeks=60, categories=1).panel
    model = PriceResponse().fit(panel)

    class Other:
        items = model.items

        def __init__(self, which=slice(None)):
            self.which = which
            self.items = model.items

        def take(self, which):
            return Other(which)

        def draws(self, prices):
            return model.take(np.arange(5)[self.which]).draws(prices)

    ours, theirs = (WhatIf.of(one).ask(panel.price_now, panel.cost) for one in (model, Other()))
    assert np.allclose(ours.profit, theirs.profit, rtol=1e-5)


def test_prices_that_are_none_are_refused():
    panel = make_world("random", 1, items=5, weeks=60, categories=1).panel
    ready = WhatIf.of(PriceResponse().fit(panel))
    for wrong in (panel.price_now[:4], np.zeros(5)):
        with pytest.raises(RequestError, match="5 items"):
            ready.ask(wrong, panel.cost)


def test_a_shop_is_asked_and_stores_nothing(shop, tmp_path):
    quotes = {row["item_id"]: row for row in shop.price().answer["rows"] if row["grade"] != "D"}
    item = next(iter(quotes))
    before = (shop.folder / "decisions.sqlite").read_bytes()
    file = tmp_path / "prices.csv"
    file.write_text(f"item_id,price\n{item},{quotes[item]['price']}\n")
    found = shop.what_if(file)
    assert found == shop.what_if({item: quotes[item]["price"]})
    assert not any("no past price tells" in note for note in found["notes"])
    far = shop.what_if({item: 0.4 * quotes[item]["price_now"]})
    assert any(note.startswith("1 of these") and repr(item) in note for note in far["notes"])
    assert (shop.folder / "decisions.sqlite").read_bytes() == before
    [row] = found["rows"]
    for name in ("units", "profit", "profit_now", "units_high"):
        assert row[name] == pytest.approx(quotes[item][name], rel=1e-5)
    change = found["total"]["profit_change"]
    assert change == pytest.approx(row["profit"] - row["profit_now"], abs=1e-3 * abs(row["profit"]))
    for wrong, told in (
        ("item,price\na,1\n", "item_id"),
        (f"item_id,price\n{item},cheap\n", "line 2"),
        ("item_id,price\nnobody,1\n", "nobody"),
        (f"item_id,price\n{item},-1\n", "above 0"),
        ("item_id,price\n", "names no price"),
        (f"item_id,price\n{item},1\n{item},2\n", "line 3 has another price"),
    ):
        file.write_text(wrong)
        with pytest.raises(RequestError, match=told):
            shop.what_if(file)
    with pytest.raises(RequestError, match="cannot be read"):
        shop.what_if(tmp_path / "none.csv")
