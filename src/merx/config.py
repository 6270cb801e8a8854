"""The settings of a shop: shop.toml, and what `merx tune` and price tests found."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from merx.errors import ConfigError
from merx.price.experiment_result import tested, under_test
from merx.price.guardrails import Governance
from merx.price.limits import PriceRules
from merx.recommend.scenario import SCENARIOS, Scenario
from merx.registry import KINDS
from merx.settings import (
    About,
    EvaluateSettings,
    EventSettings,
    FileMapping,
    FitSettings,
    ForecastSettings,
    MediaSettings,
    ShopperSettings,
    SocialSettings,
    check_kind,
)
from merx.toml import build, nearest, read_toml

SETTINGS = "shop.toml"
TUNED = "tuned.toml"  # beside shop.toml: what `merx tune` found
TESTS = "price-tests"  # beside shop.toml: the price tests, a file each

TEMPLATE = """\
# Settings of this shop. Everything is optional; what is absent has its default.
# The reference of all settings: docs/reference/settings.md.

[shop]
name = {name}
currency = {currency}
"""


@dataclass(frozen=True)
class ShopConfig:
    """All of shop.toml."""

    shop: About = field(default_factory=About)
    events: EventSettings = field(default_factory=EventSettings)
    mappings: dict[str, FileMapping] = field(default_factory=dict)
    fit: FitSettings = field(default_factory=FitSettings)
    recommend: Scenario = field(default_factory=Scenario)
    scenarios: dict[str, dict[str, Any]] = field(default_factory=dict)
    forecast: ForecastSettings = field(default_factory=ForecastSettings)
    shoppers: ShopperSettings = field(default_factory=ShopperSettings)
    social: SocialSettings = field(default_factory=SocialSettings)
    price: PriceRules = field(default_factory=PriceRules)
    governance: Governance = field(default_factory=Governance)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)
    media: MediaSettings = field(default_factory=MediaSettings)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, hyper_parameters in self.models.items():
            if name not in KINDS:
                raise ConfigError(f"[models.{name}]: no such kind.{nearest(name, list(KINDS))}")
            config_type, _ = KINDS[name].load()
            build(config_type, hyper_parameters, f"models.{name}")
        check_kind("price", self.price.model, "[price] model")
        for name in self.scenario_names:
            settings = self.scenario(name)
            for key in ("model", "visitor", "newcomer"):
                where = f"scenarios.{name}" if key in self.scenarios.get(name, {}) else "recommend"
                for kind in getattr(settings, key):
                    check_kind("recommend", kind, f"[{where}] {key}")

    @property
    def skipped(self) -> frozenset[str]:
        """[fit] skip, but for models that answer for demand and prices to come, or that [price] chose.

        A shop that wants no prices may skip the one that stands there by default.
        """
        chosen = {self.price.model} - {PriceRules().model}
        return frozenset(self.fit.skip) - {self.forecast.model, self.forecast.price_model} - chosen

    @property
    def scenario_names(self) -> tuple[str, ...]:
        """The scenarios that every shop has, then those of its own."""
        return tuple(dict.fromkeys([*SCENARIOS, *self.scenarios]))

    def scenario(self, name: str) -> Scenario:
        """The settings of a scenario: [recommend], what is different there, and then [scenarios.NAME].

        The rules of [recommend] hold everywhere; those of the scenario are added.
        """
        base = {key: value for key, value in vars(self.recommend).items() if key != "rules"}
        own = self.scenarios.get(name, {})
        settings = build(Scenario, {**base, **SCENARIOS.get(name, {}), **own}, f"scenarios.{name}")
        return replace(settings, rules=(*self.recommend.rules, *settings.rules))


def new_settings(name: str, currency: str) -> str:
    """The shop.toml of a new shop; raises ConfigError where the currency is no ISO 4217 code."""
    About(name, currency)
    return TEMPLATE.format(
        name=json.dumps(name, ensure_ascii=False), currency=json.dumps(currency, ensure_ascii=False)
    )


def read_config(path: Path) -> ShopConfig:
    """The configuration in shop.toml; where it does not say, what `merx tune` and price tests found.

    Products under a price test are among the rules of [price].

    Raises ConfigError that names the file and the key.
    """
    raw = read_toml(path)
    tuned = path.with_name(TUNED)
    found = read_toml(tuned).get("models", {}) if tuned.exists() else {}
    if seen := tested(path.with_name(TESTS)):
        found["price_response"] = found.get("price_response", {}) | seen
    price = raw.get("price", {})
    if (running := under_test(path.with_name(TESTS))) and isinstance(price, dict):
        raw["price"] = price | {"under_test": running | price.get("under_test", {})}
    by_hand = raw.get("models", {})
    if found and isinstance(by_hand, dict):
        raw["models"] = by_hand | {kind: settings | by_hand.get(kind, {}) for kind, settings in found.items()}
    try:
        return build(ShopConfig, raw, "")
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
