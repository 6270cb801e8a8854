from collections.abc import Callable

from tests.ingest.dialects.reading import Read


def test_products(reading: Callable[[str], Read]) -> None:
    assert reading("magento_products").lines == [
        {
            "item_id": "CUP",
            "title": "Cup",
            "description": "Fine",
            "category": "Home > Kitchen",
            "availability": "in_stock",
            "image_link": "/c/u/cup.jpg",
        },
        {
            "item_id": "CUP-R",
            "title": "Cup Red",
            "description": "Short",
            "brand": "Acme",
            "price": "10.00",
            "sale_price": "8.00",
            "cost_of_goods_sold": "4.00",
            "availability": "in_stock",
            "item_group_id": "CUP",
            "gtin": "4006381333931",
        },
        {"reject": "a translation for one store view"},
        {
            "item_id": "CUP-B",
            "title": "Cup Blue",
            "price": "10.00",
            "availability": "out_of_stock",
            "item_group_id": "CUP",
        },
    ]
