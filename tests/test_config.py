"""shop.toml: what is wrong is named, and the nearest right thing beside it."""

import pytest

from merx.config import read_config
from merx.errors import ConfigError
from merx.settings import DEFAULT_WEIGHTS


def config(tmp_path, text):
    (tmp_path / "shop.toml").write_text(text)
    return read_config(tmp_path / "shop.toml")


def test_an_empty_file_gives_the_defaults(tmp_path):
    found = config(tmp_path, "")
    assert found.recommend.k == 10
    assert found.events.weights == DEFAULT_WEIGHTS


def test_values_are_read(tmp_path):
    found = config(
        tmp_path,
        """
        [shop]
        name = "A"
        [events.weights]
        purchase = 7
        [price]
        min_margin = 0.3
        endings = [0.95]
        [mappings.till]
        table = "events"
        columns = { item_id = "SKU" }
        [models.item_knn]
        neighbours = 20
        """,
    )
    assert found.events.weights["purchase"] == 7.0 and found.events.weights["view_item"] == 1.0
    assert found.price.min_margin == 0.3 and found.price.endings == (0.95,)
    assert found.mappings["till"].columns == {"item_id": "SKU"}
    assert found.models["item_knn"] == {"neighbours": 20}


def test_scenarios_take_what_they_do_not_say_from_recommend(tmp_path):
    found = config(
        tmp_path,
        """
        [recommend]
        k = 5
        model = "popularity"
        [[recommend.rules]]
        do = "exclude"
        brand = "Acme"
        [scenarios.product]
        diversity = 0.5
        [[scenarios.product.rules]]
        do = "cap"
        per = "brand"
        most = 2
        [scenarios.newsletter]
        model = ["item_knn", "popularity"]
        k = 3
        """,
    )
    assert found.scenario("home") == found.recommend
    product, letter = found.scenario("product"), found.scenario("newsletter")
    assert (product.k, product.about, product.diversity) == (5, "item", 0.5)
    assert "popularity" not in product.model  # a product page has its own logic
    assert [rule.do for rule in product.rules] == ["exclude", "cap"]
    assert found.recommend.rules[0].brand == ("Acme",)  # one name is a list of one
    assert (letter.k, letter.model) == (3, ("item_knn", "popularity"))
    assert [rule.do for rule in letter.rules] == ["exclude"]
    assert found.scenario("again").exclude == "nothing" and not found.scenario("again").fill
    assert set(found.scenario_names) == {"home", "product", "cart", "again", "trending", "newsletter"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[[recommend.rules]]\ndo = 'exclude'\nbrnd = 'x'",
            r"\[recommend.rules\[1\]\] brnd: .*Did you mean brand",
        ),
        ("[[recommend.rules]]\ndo = 'exclude'", r"\[recommend.rules\[1\]\] a rule that selects nothing"),
        ("[recommend.rules]\ndo = 'exclude'", r"write \[\[recommend.rules\]\]"),
        ("[recommend]\nrules = ['x']", r"\[recommend.rules\[1\]\] is a table"),
        ("[scenarios.home]\nks = 3", r"\[scenarios.home\] ks: no such key. Did you mean k\?"),
        ("[scenarios.x]\nmodel = 'item_kn'", r"\[scenarios.x\] model = 'item_kn': .*Did you mean item_knn"),
        ("[scenarios.x]\nabout = 'user'", r"\[scenarios.x\] about = 'user': it is one of shopper"),
        ("[recommend]\ndiversity = 2", r"diversity = 2: it must be from 0 to 1"),
        ("[recommend]\nobjective = 'money'", r"relevance, conversion, profit"),
        ("[recommend]\nmodel = []", r"name at least one kind"),
        ("[fit]\nskip = ['item_kn']", r"\[fit\] skip: no kind 'item_kn'. Did you mean item_knn\?"),
        ("[recomend]\nk = 3", r"recomend: no such key. Did you mean recommend\?"),
        (
            "[recommend]\nexclud = true",
            r"exclud: no such key. Did you mean exclude\?",
        ),
        ("[recommend]\nk = '3'", r"\[recommend\] k: expected int, found '3'"),
        ("[recommend]\nk = true", r"\[recommend\] k: expected int, found True"),
        ("[recommend]\nk = 0", r"at least 1 item"),
        ("recommend = 3", r"recommend is a table"),
        ("[forecast]\nstep = 'hour'", r'"day" or "week"'),
        (
            "[events.weights]\npurchas = 3",
            r"purchas: no such event. Did you mean purchase\?",
        ),
        ("[mappings.x]\ntable = 'event'\ncolumns = {}", r"\[mappings.x\] .*Did you mean events\?"),
        ("[mappings.x]\ntable = 'events'\ncolumns = { item = 'a' }", r"item: no column of events"),
        ("[mappings.x]\ntable = 'events'", r"\[mappings.x\] columns is missing"),
        ("[price]\nmin_margin = 2", r"min_margin is 2"),
        ("[price]\nmodel = 'als'", r"\[price\] model = 'als': no such kind"),
        ("[models.item_kn]\nneighbours = 3", r"\[models.item_kn\]: no such kind. Did you mean item_knn\?"),
        ("[recommend]\nmodel = 'auto_ets'", r"\[recommend\] model = 'auto_ets': no such kind"),
        ("[recommend]\nexclude = 'all'", r"exclude = 'all': it is one of met, bought, nothing"),
        ("[events.weights]\npurchase = nan", r"purchase: expected float, found nan"),
        ("[evaluate]\ndays = -3", r"days = -3: at least 1"),
        ("[models.item_knn]\nneighbour = 3", r"\[models.item_knn\] neighbour: .* Did you mean neighbours\?"),
        ("[events.weights]\nrefund = 3", r"refund: 0 or below"),
        ("[events.weights]\nrate = 2", r"rate: 1, as a rating counts its stars"),
        ("[shoppers]\ndays = 0", r"\[shoppers\] days = 0: at least 1"),
        ("[shoppers]\nheld_out = 1.0", r"held_out = 1.0: from 0 to below 1"),
        ("[shoppers]\nlifetime = 'als'", r"\[shoppers\] lifetime = 'als': no such kind"),
        ("[shop", r"shop.toml: "),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        config(tmp_path, text)


def test_a_model_that_answers_for_demand_is_not_skipped(tmp_path):
    assert "theta" in config(tmp_path, "").skipped
    assert "theta" not in config(tmp_path, '[forecast]\nmodel = "theta"\n').skipped


def test_a_folder_without_settings_is_no_shop(tmp_path):
    with pytest.raises(ConfigError, match="merx init"):
        read_config(tmp_path / "nowhere" / "shop.toml")


def test_holidays_are_days_of_one_year_or_of_every_year(tmp_path):
    text = '[forecast.holidays]\nchristmas = ["12-24", "12-25"]\nblack_friday = ["2024-11-29"]\n'
    found = config(tmp_path, text).forecast.holidays
    assert found == {"christmas": ("12-24", "12-25"), "black_friday": ("2024-11-29",)}
    for wrong in ("24-12", "2024-1-1", "Christmas", "20241224"):
        with pytest.raises(ConfigError, match=rf"christmas: '{wrong}' is no day; write"):
            config(tmp_path, f'[forecast.holidays]\nchristmas = ["{wrong}"]')
