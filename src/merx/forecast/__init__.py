"""The next steps of demand: each method in one file, every fitted model a record of arrays."""

from merx.forecast.arima import ARIMA, FittedARIMA
from merx.forecast.auto_arima import AutoARIMA, FittedAutoARIMA
from merx.forecast.auto_ets import AutoETS, FittedAutoETS
from merx.forecast.best import Best, FittedBest
from merx.forecast.boosted import Boosted, FittedBoosted
from merx.forecast.coherent import Coherent, FittedCoherent
from merx.forecast.decompose import Decomposition, decompose
from merx.forecast.intermittent import FittedIntermittent, Intermittent
from merx.forecast.mstl import MSTL, FittedMSTL
from merx.forecast.season import find_season, find_seasons
from merx.forecast.seasonal_ar import FittedSeasonalAR, SeasonalAR
from merx.forecast.seasonal_naive import FittedSeasonalNaive, SeasonalNaive
from merx.forecast.shelf_price import FittedShelfPrice, ShelfPrice
from merx.forecast.theta import FittedTheta, Theta

__all__ = [
    "ARIMA",
    "MSTL",
    "AutoARIMA",
    "AutoETS",
    "Best",
    "Boosted",
    "Coherent",
    "Decomposition",
    "FittedARIMA",
    "FittedAutoARIMA",
    "FittedAutoETS",
    "FittedBest",
    "FittedBoosted",
    "FittedCoherent",
    "FittedIntermittent",
    "FittedMSTL",
    "FittedSeasonalAR",
    "FittedSeasonalNaive",
    "FittedShelfPrice",
    "FittedTheta",
    "Intermittent",
    "SeasonalAR",
    "SeasonalNaive",
    "ShelfPrice",
    "Theta",
    "decompose",
    "find_season",
    "find_seasons",
]
