"""Chart builders: plain JSON, the right structure, and nothing that ECharts would draw wrongly."""

import json
from itertools import pairwise

import numpy as np
import pytest

from merx.report import (
    decomposition_chart,
    demand_profit_chart,
    evaluation_chart,
    forecast_chart,
    ingest_chart,
    reasons_chart,
    reliability_chart,
    segments_chart,
    touched_chart,
    waterfall_chart,
)
from tests.report import sample


def by_id(option: dict) -> dict:
    return {s["id"]: s for s in option["series"]}


def forecast() -> dict:
    s = sample.series("Whole shop", 180, 1)
    return forecast_chart(s.dates, s.y, s.future, s.mean, s.lo80, s.hi80, s.lo95, s.hi95, title=s.title)


def curve() -> dict:
    c = sample.curve(3, 24.9, -1.6)
    arrays = (c.price, c.units, c.units_low, c.units_high, c.profit, c.profit_low, c.profit_high)
    return demand_profit_chart(*arrays, price_now=c.price_now, price_proposed=c.price_proposed, cost=c.cost)


def decomposed() -> dict:
    d = sample.decomposition()
    return decomposition_chart(d.dates, d.observed, d.trend, d.seasonal, d.remainder)


def reliability() -> dict:
    c = sample.curve_of(0.33)
    return reliability_chart(c.predicted, c.observed, c.count, what="to order")


@pytest.mark.parametrize(
    "option",
    [
        forecast(),
        decomposed(),
        curve(),
        reasons_chart(["a", "b"], [0.4, 0.6], of="c"),
        evaluation_chart(["x", "y"], [0.1, 0.2], metric="NDCG@10", trivial="x"),
        ingest_chart(["a.csv"], [8], [1], [1]),
        segments_chart(["a", "b"], [3.0, 4.0], [True, False], what="Shoppers", form="number"),
        reliability(),
        waterfall_chart(["Now", "Best without rules"], ["9.00", "10.00"], [5.0, 6.0]),
    ],
    ids=[
        *("forecast", "decomposition", "price", "reasons", "evaluation", "ingest", "segments"),
        *("reliability", "waterfall"),
    ],
)
def test_options_are_json_with_a_description_a_height_and_no_bare_colour(option: dict) -> None:
    text = json.dumps(option, allow_nan=False)
    assert json.loads(text) == option
    assert "#" not in text.replace("NDCG@10", "")  # colours come by name, or dark mode breaks
    assert option["aria"]["label"]["description"]
    assert option["merx"]["height"] > 0
    ids = [s["id"] for s in option["series"]]
    assert len(set(ids)) == len(ids)
    for row in option["merx"]["rows"]:
        assert row["series"] in ids
        assert row.get("spread", ids[0]) in ids


def test_forecast_bands_stack_to_the_interval_and_start_where_the_past_ends() -> None:
    s = sample.series("Whole shop", 180, 1)
    option = forecast()
    lines = by_id(option)
    assert option["legend"]["top"] == 0
    assert option["grid"]["top"] > 40  # or the legend lies over the plot
    for level, low, high in (("b80", s.lo80, s.hi80), ("b95", s.lo95, s.hi95)):
        bottom = np.array([y for _, y in lines[f"{level}-low"]["data"]], float)
        width = np.array([y for _, y in lines[f"{level}-spread"]["data"]], float)
        np.testing.assert_allclose(bottom[1:], low, rtol=1e-5)
        np.testing.assert_allclose((bottom + width)[1:], high, rtol=1e-5)
        assert width[0] == 0
        assert lines[f"{level}-low"]["stack"] == lines[f"{level}-spread"]["stack"]
    assert lines["mean"]["data"][0] == lines["y"]["data"][-1]
    assert lines["y"]["data"][41][1] is None  # a stock-out is a gap, not a zero
    assert lines["y"]["data"][0][0] == "2025-01-06"


def test_forecast_without_any_known_past() -> None:
    s = sample.series("New", 5, 2)
    nothing = np.full_like(s.y, np.nan)
    option = forecast_chart(s.dates, nothing, s.future, s.mean, s.lo80, s.hi80, s.lo95, s.hi95)
    assert len(by_id(option)["mean"]["data"]) == s.mean.size


def test_hourly_dates_keep_their_hours() -> None:
    hours = np.datetime64("2026-01-01T00") + np.arange(3)
    y = np.ones(3)
    option = forecast_chart(hours, y, hours + 3, y, y, y, y, y)
    assert by_id(option)["y"]["data"][1][0] == "2026-01-01T01:00:00"


def test_decomposition_has_four_grids_on_one_time() -> None:
    option = decomposed()
    assert [s["xAxisIndex"] for s in option["series"]] == [0, 1, 2, 3]
    assert len(option["grid"]) == len(option["xAxis"]) == len(option["yAxis"]) == 4
    assert len({g["left"] for g in option["grid"]}) == 1
    tops = [(g["top"], g["top"] + g["height"]) for g in option["grid"]]
    assert all(end < start for (_, end), (start, _) in pairwise(tops))
    assert tops[-1][1] < option["merx"]["height"]


def test_decomposition_with_several_seasons_changes_and_unusual_days() -> None:
    d = sample.decomposition()
    seasons = [("Week", d.seasonal / 2), ("Year", d.seasonal / 2)]
    option = decomposition_chart(
        d.dates, d.observed, d.trend, d.seasonal, d.remainder,
        seasons=seasons, holiday=np.zeros(420), changes=[200], unusual=[50, 300],
    )  # fmt: skip
    names = [axis["name"] for axis in option["yAxis"]]
    assert names == ["Observed", "Trend", "Week", "Year", "Holidays", "Remainder"]
    lines = by_id(option)
    day = str(d.dates[200])
    assert [mark["xAxis"][:10] for mark in lines["trend"]["markLine"]["data"]] == [day]
    assert [point[1] for point in lines["unusual"]["data"]] == pytest.approx(
        d.remainder[[50, 300]].tolist(), rel=1e-4
    )
    assert lines["unusual"]["xAxisIndex"] == 5


def test_price_chart_marks_now_proposed_and_cost_only_where_the_axis_reaches() -> None:
    lines = by_id(curve())
    marks = {m["label"]["formatter"]: m["xAxis"] for m in lines["profit"]["markLine"]["data"]}
    assert set(marks) == {"now", "proposed"}  # the cost lies below the grid
    assert marks["now"] == 24.9
    c = sample.curve(3, 24.9, -1.6)
    arrays = (c.price, c.units, c.units_low, c.units_high, c.profit, c.profit_low, c.profit_high)
    same = by_id(demand_profit_chart(*arrays, price_now=24.9, price_proposed=24.9, cost=20.0))
    assert [m["label"]["formatter"] for m in same["profit"]["markLine"]["data"]] == ["now", "cost"]
    assert lines["here-profit"]["data"][0][0] == pytest.approx(c.price_proposed)


def test_bars_put_the_best_first_and_the_trivial_one_in_grey() -> None:
    up = evaluation_chart(["a", "pop", "c"], [0.3, 0.2, 0.1], metric="NDCG", trivial="pop")
    assert up["yAxis"]["data"] == ["a", "pop", "c"]
    assert [d["itemStyle"]["color"] for d in up["series"][0]["data"]] == [
        "var(--accent)",
        "var(--quiet)",
        "var(--warn)",
    ]
    assert up["series"][0]["markLine"]["precision"] > 2  # ECharts rounds to cents otherwise
    down = evaluation_chart(["a", "b"], [1.2, 0.8], metric="MASE", better="lower")
    assert down["yAxis"]["data"] == ["b", "a"]


def test_ingest_shares_sum_to_one_and_an_empty_file_is_no_error() -> None:
    option = ingest_chart(["a", "empty"], [7, 0], [2, 0], [1, 0])
    shares = np.array([s["data"] for s in option["series"]])
    np.testing.assert_allclose(shares.sum(axis=0), [1, 0])


def test_segments_keep_their_order_and_tell_who_was_there_lately() -> None:
    option = segments_chart(["a", "b"], [3.0, 1_204.4], [True, False], what="Orders", form="money")
    assert option["yAxis"]["data"] == ["a", "b"]
    assert [bar["value"] for bar in option["series"][0]["data"]] == [3.0, 1_204.4]
    assert len({bar["itemStyle"]["color"] for bar in option["series"][0]["data"]}) == 2
    assert "b: 1,204" in option["aria"]["label"]["description"]


def test_reliability_shows_every_bin_on_axes_that_hold_all() -> None:
    c = sample.curve_of(0.33)
    option = reliability()
    lines = by_id(option)
    np.testing.assert_allclose(lines["came"]["data"], np.column_stack([c.predicted, c.observed]), rtol=1e-5)
    assert all(x == y for x, y in lines["right"]["data"])
    for axis in (option["xAxis"], option["yAxis"]):
        assert axis["max"] >= max(c.predicted.max(), c.observed.max())
        assert axis["max"] / axis["interval"] == pytest.approx(round(axis["max"] / axis["interval"]))
    assert option["aria"]["label"]["description"].count("foretold") == 10


def test_eight_of_ten_bins_of_right_chances_lie_in_the_band() -> None:
    rng = np.random.default_rng(0)
    inside = total = 0
    for _ in range(40):
        chance = np.linspace(0.05, 0.75, 10)
        count = np.full(10, 400.0)
        lines = by_id(reliability_chart(chance, rng.binomial(400, chance) / 400, count, what="to order"))
        x, low = np.array(lines["chance-low"]["data"]).T
        high = low + np.array(lines["chance-spread"]["data"])[:, 1]
        came = np.array(lines["came"]["data"])
        inside += (
            (came[:, 1] >= np.interp(came[:, 0], x, low)) & (came[:, 1] <= np.interp(came[:, 0], x, high))
        ).sum()
        total += len(came)
    assert 0.74 < inside / total < 0.86


def test_the_waterfall_begins_and_ends_at_whole_profits_and_its_changes_add_up():
    profits = [-2.0, 5.0, 3.5, 4.0]
    option = waterfall_chart(["now", "best", "a", "b"], ["8.00", "10.00", "9.00", "9.49"], profits)
    start, step = (by_id(option)[key]["data"] for key in ("from", "step"))
    size = [bar["value"] for bar in step]
    assert (size[0], size[-1]) == (-2.0, 4.0)
    assert size[1:-1] == [7.0, -1.5, 0.5]
    assert start == [0.0, -2.0, 5.0, 3.5, 0.0]  # each change begins where the last ended
    assert size[0] + sum(size[1:-1]) == size[-1]
    assert option["yAxis"]["data"][-1] == "Proposed 9.49"
    assert option["xAxis"]["min"] < min(profits)


def test_what_a_price_does_to_others_is_told_in_money_or_else_in_units():
    option = touched_chart(["a", "b"], [-1.5, 0.5], [-8.25, 2.0], title="c")
    (bars,) = option["series"]
    assert [bar["value"] for bar in bars["data"]] == [-8.25, 2.0]
    assert bars["data"][0]["itemStyle"] != bars["data"][1]["itemStyle"]
    assert option["yAxis"]["data"] == ["a −1.5 units", "b +0.5 units"]
    assert option["xAxis"]["min"] == -8.25 and option["xAxis"]["max"] == 2.0
    assert "price of c" in option["aria"]["label"]["description"]
    (units,) = touched_chart(["a", "b"], [-1.5, 0.5], [float("nan"), 2.0])["series"]
    assert [bar["value"] for bar in units["data"]] == [-1.5, 0.5] and units["name"] == "Units"
