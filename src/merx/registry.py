"""The closed table of model kinds. Adding a model is one file and one line here.

A kind is loaded when it is first asked for, so that `import merx` and `merx --help` stay light. Only
names written here are ever imported; none is read from a file.
"""

import importlib
from collections.abc import Collection
from dataclasses import dataclass

from merx.errors import ConfigError


@dataclass(frozen=True)
class Kind:
    """One kind of model.

    Parameters
    ----------
    name : str
        Its name in shop.toml and in the models folder.
    task : str
        "recommend", "forecast", "price_forecast", "lifetime", "value", "propensity" or "price".
    module, config : str
        Where its config class is; the fitted class is `Fitted<config>` beside it.
    reads : tuple of str
        The inputs that its config's `fit` takes, by their names in `merx.fitting.Inputs`.
    keeps_histories : bool
        Whether the fitted model holds the histories it was fitted on, each without a name: such a model is
        made anew where a shopper is erased.
    """

    name: str
    task: str
    module: str
    config: str
    reads: tuple[str, ...]
    keeps_histories: bool = False

    def load(self) -> tuple[type, type]:
        """The config class and the fitted class. Raises ConfigError where its library is not installed."""
        try:
            module = importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            raise ConfigError(f"{self.name} needs the library {error.name}; install it with pip.") from None
        return getattr(module, self.config), getattr(module, f"Fitted{self.config}")


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("popularity", "recommend", "merx.recommend.popularity", "Popularity", ("histories",)),
        Kind("item_knn", "recommend", "merx.recommend.item_knn", "ItemKNN", ("histories",)),
        Kind("als", "recommend", "merx.recommend.als", "ALS", ("histories",)),
        Kind("nmf", "recommend", "merx.recommend.nmf", "NMF", ("histories",)),
        Kind(
            "user_knn",
            "recommend",
            "merx.recommend.user_knn",
            "UserKNN",
            ("histories",),
            keeps_histories=True,
        ),
        Kind("social_als", "recommend", "merx.recommend.social_als", "SocialALS", ("histories", "relations")),
        Kind(
            "social_knn",
            "recommend",
            "merx.recommend.social_knn",
            "SocialKNN",
            ("histories", "relations"),
            keeps_histories=True,
        ),
        Kind("rp3beta", "recommend", "merx.recommend.rp3beta", "RP3Beta", ("histories",)),
        Kind("ease", "recommend", "merx.recommend.ease", "EASE", ("histories",)),
        Kind("graph_filter", "recommend", "merx.recommend.graph_filter", "GraphFilter", ("histories",)),
        Kind("bought_together", "recommend", "merx.recommend.association", "Association", ("baskets",)),
        Kind("viewed_also_viewed", "recommend", "merx.recommend.association", "Association", ("views",)),
        Kind("trending", "recommend", "merx.recommend.trending", "Trending", ("histories",)),
        Kind("buy_again", "recommend", "merx.recommend.buy_again", "BuyAgain", ("histories",)),
        Kind("content", "recommend", "merx.recommend.content", "Content", ("catalogue",)),
        Kind(
            "session_knn",
            "recommend",
            "merx.recommend.session_knn",
            "SessionKNN",
            ("sessions",),
            keeps_histories=True,
        ),
        Kind("sequence", "recommend", "merx.behaviour.sequence", "Sequence", ("sessions",)),
        Kind(
            "session_blend",
            "recommend",
            "merx.recommend.session_blend",
            "SessionBlend",
            ("sessions",),
            keeps_histories=True,
        ),
        Kind(
            "blend",
            "recommend",
            "merx.recommend.blend",
            "Blend",
            ("histories", "sessions", "catalogue"),
            keeps_histories=True,
        ),
        Kind(
            "feature_factors",
            "recommend",
            "merx.recommend.feature_factors",
            "FeatureFactors",
            ("histories", "features"),
        ),
        Kind("fusion", "recommend", "merx.recommend.fusion", "Fusion", ("histories", "features")),
        Kind(
            "rating_user_knn",
            "recommend",
            "merx.recommend.rating_user_knn",
            "RatingUserKNN",
            ("histories",),
            keeps_histories=True,
        ),
        Kind(
            "rating_item_knn", "recommend", "merx.recommend.rating_item_knn", "RatingItemKNN", ("histories",)
        ),
        Kind("rating_als", "recommend", "merx.recommend.rating_als", "RatingALS", ("histories",)),
        Kind("rating_nmf", "recommend", "merx.recommend.rating_nmf", "RatingNMF", ("histories",)),
        Kind("seasonal_naive", "forecast", "merx.forecast.seasonal_naive", "SeasonalNaive", ("series",)),
        Kind("auto_ets", "forecast", "merx.forecast.auto_ets", "AutoETS", ("series",)),
        Kind("theta", "forecast", "merx.forecast.theta", "Theta", ("series",)),
        Kind("intermittent", "forecast", "merx.forecast.intermittent", "Intermittent", ("series",)),
        Kind("best", "forecast", "merx.forecast.best", "Best", ("series",)),
        Kind("boosted", "forecast", "merx.forecast.boosted", "Boosted", ("series",)),
        Kind("coherent", "forecast", "merx.forecast.coherent", "Coherent", ("series",)),
        Kind("recurrent", "forecast", "merx.forecast.recurrent", "Recurrent", ("series",)),
        Kind("auto_arima", "forecast", "merx.forecast.auto_arima", "AutoARIMA", ("few_series",)),
        Kind("mstl", "forecast", "merx.forecast.mstl", "MSTL", ("series",)),
        Kind("seasonal_ar", "forecast", "merx.forecast.seasonal_ar", "SeasonalAR", ("series",)),
        Kind("shelf_price", "price_forecast", "merx.forecast.shelf_price", "ShelfPrice", ("price_series",)),
        Kind("arima", "price_forecast", "merx.forecast.arima", "ARIMA", ("market_series",)),
        Kind("bg_nbd", "lifetime", "merx.behaviour.bg_nbd", "BGNBD", ("customers",)),
        Kind("mbg_nbd", "lifetime", "merx.behaviour.bg_nbd", "MBGNBD", ("customers",)),
        Kind("pareto_nbd", "lifetime", "merx.behaviour.pareto_nbd", "ParetoNBD", ("customers",)),
        Kind("gamma_gamma", "value", "merx.behaviour.gamma_gamma", "GammaGamma", ("customers",)),
        Kind("purchase", "propensity", "merx.behaviour.propensity", "Purchase", ("activity",)),
        Kind("churn", "propensity", "merx.behaviour.propensity", "Churn", ("activity",)),
        Kind("revenue", "propensity", "merx.behaviour.propensity", "Revenue", ("activity",)),
        Kind("price_response", "price", "merx.price.response", "PriceResponse", ("prices",)),
        Kind("literature_prior", "price", "merx.price.literature_prior", "LiteraturePrior", ("prices",)),
        Kind("naive_log_log", "price", "merx.price.naive_log_log", "NaiveLogLog", ("prices",)),
        Kind("double_ml", "price", "merx.price.double_ml", "DoubleML", ("prices",)),
        Kind("tree_response", "price", "merx.price.tree_response", "TreeResponse", ("prices",)),
        Kind("boosted_response", "price", "merx.price.boosted_response", "BoostedResponse", ("prices",)),
        Kind("svr_response", "price", "merx.price.svr_response", "SVRResponse", ("prices",)),
    )
}


def kind(name: str) -> Kind:
    """The kind of that name. Raises ConfigError that lists the known ones."""
    if name not in KINDS:
        raise ConfigError(f"there is no model kind {name!r}; the kinds are {', '.join(KINDS)}.")
    return KINDS[name]


def without(skipped: Collection[str]) -> list[Kind]:
    """Every kind but those, in the table's order."""
    return [entry for entry in KINDS.values() if entry.name not in skipped]


def kinds_for(task: str) -> list[Kind]:
    """The kinds that answer one task, in the table's order."""
    return [entry for entry in KINDS.values() if entry.task == task]
