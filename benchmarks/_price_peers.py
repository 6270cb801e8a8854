"""Run by the Python of the peers: EconML, DoubleML, scikit-learn and LightGBM on one shop's weeks.

    python _price_peers.py IN.npz OUT.npz

IN holds y (n,), the log of units over usual ones; price (n,), the log of the price over the item's mean;
controls (n, F), whose last column is the category; item, week, units and usual (n,); weight (n,), one over
the usual variance of y; traits (I, 3), of each item: log mean price, log usual units, category; and ahead
(I, G, F + 1), the price and the controls of the coming week at G prices. OUT has elasticities (I,) by the
name of the method, or log ratios of units (I, G).
"""

import sys
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from doubleml import DoubleMLData, DoubleMLPLR
from econml.dml import CausalForestDML, LinearDML
from lightgbm import LGBMRegressor
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

Shop = dict[str, np.ndarray]


def learner() -> LGBMRegressor:
    """The nuisance of every method: as in merx's own."""
    return LGBMRegressor(n_estimators=100, num_leaves=15, learning_rate=0.05, n_jobs=1, verbose=-1)


def folds(shop: Shop) -> list[tuple[np.ndarray, np.ndarray]]:
    """Five sets of blocks of four weeks, as in merx's own."""
    return list(GroupKFold(5).split(shop["y"], groups=shop["week"] // 4))


def indicators(category: np.ndarray, categories: int) -> np.ndarray:
    """A column of 0 and 1 for each category but the first."""
    return (category[:, None] == np.arange(1, categories)).astype(float)


def linear_dml(shop: Shop) -> np.ndarray:
    """Effect linear in the category and the level of sales."""
    categories = int(shop["traits"][:, 2].max()) + 1
    traits = np.column_stack([shop["traits"][:, 1], indicators(shop["traits"][:, 2], categories)])
    model = LinearDML(model_y=learner(), model_t=learner(), cv=folds(shop), random_state=0)
    model.fit(
        shop["y"], shop["price"], X=traits[shop["item"]], W=shop["controls"], sample_weight=shop["weight"]
    )
    return np.asarray(model.effect(traits))


def causal_forest(shop: Shop) -> np.ndarray:
    """Effect by a forest over the price level, the level of sales and the category."""
    model = CausalForestDML(
        model_y=learner(), model_t=learner(), cv=folds(shop), n_estimators=400, random_state=0, n_jobs=1
    )
    traits = shop["traits"][shop["item"]]
    model.fit(shop["y"], shop["price"], X=traits, W=shop["controls"], sample_weight=shop["weight"])
    return np.asarray(model.effect(shop["traits"]))


def plr(shop: Shop) -> DoubleMLPLR:
    """DoubleML's partially linear regression of the whole shop."""
    model = DoubleMLPLR(
        DoubleMLData.from_arrays(shop["controls"], shop["y"], shop["price"]),
        ml_l=learner(),
        ml_m=learner(),
        n_folds=5,
        draw_sample_splitting=False,
    )
    model.set_sample_splitting([folds(shop)])
    return model.fit()


def double_ml(shop: Shop, model: DoubleMLPLR) -> np.ndarray:
    """One elasticity for the shop."""
    return np.full(len(shop["traits"]), float(model.coef[0]))


def double_ml_by_category(shop: Shop, model: DoubleMLPLR) -> np.ndarray:
    """One elasticity for each category (its group average effects)."""
    category = shop["traits"][:, 2].astype(int)
    names = [f"c{c}" for c in range(category.max() + 1)]
    own = category[shop["item"]]
    groups = pd.DataFrame({name: own == c for c, name in enumerate(names)})
    groups = groups.loc[:, groups.any()]
    found = model.gate(groups=groups).confint()["effect"]
    effect = dict(zip(groups.columns, found.to_numpy(), strict=True))
    return np.array([effect.get(names[c], np.nan) for c in category])


def svr(shop: Shop) -> np.ndarray:
    """Support vectors with a Gaussian kernel, on log units."""
    categories = int(shop["controls"][:, -1].max()) + 1
    X = np.column_stack([shop["price"], shop["controls"]])
    scaler = StandardScaler().fit(X[:, :-1])

    def columns(X: np.ndarray) -> np.ndarray:
        return np.column_stack([scaler.transform(X[:, :-1]), X[:, [-1]] == np.arange(categories)])

    model = SVR(C=10.0, gamma=0.005, epsilon=0.1, cache_size=1000)
    model.fit(columns(X), shop["y"], sample_weight=shop["weight"] / shop["weight"].mean())
    items, prices, _ = shop["ahead"].shape
    return model.predict(columns(shop["ahead"].reshape(items * prices, -1))).reshape(items, prices)


def monotone(shop: Shop) -> np.ndarray:
    """LightGBM's Poisson forest of units over usual ones, never rising in the price."""
    X = np.column_stack([shop["price"], shop["controls"]])
    model = LGBMRegressor(
        objective="poisson",
        n_estimators=300,
        learning_rate=0.05,
        monotone_constraints=[-1] + [0] * (X.shape[1] - 1),
        n_jobs=1,
        verbose=-1,
    )
    model.fit(X, shop["units"] / shop["usual"], sample_weight=shop["usual"])
    items, prices, _ = shop["ahead"].shape
    return np.log(model.predict(shop["ahead"].reshape(items * prices, -1)).reshape(items, prices))


METHODS: dict[str, Callable[[Shop], np.ndarray]] = {
    "EconML, LinearDML": linear_dml,
    "EconML, CausalForestDML": causal_forest,
    "scikit-learn, SVR": svr,
    "LightGBM, monotone": monotone,
}

if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    given = dict(np.load(sys.argv[1]))
    said = {name: method(given) for name, method in METHODS.items()}
    partialled = plr(given)
    said["DoubleML, one elasticity"] = double_ml(given, partialled)
    said["DoubleML, by category"] = double_ml_by_category(given, partialled)
    np.savez(sys.argv[2], **said)
