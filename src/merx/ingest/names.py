"""The closed lists of words at the door: events, availability, and words that mean nothing."""

from merx.data.schema import EVENTS

# What other systems and people call GA4's events; in lower case, words joined by underscores.
EVENT_ALIASES: dict[str, str] = {
    "view": "view_item",
    "viewed": "view_item",
    "product_view": "view_item",
    "product_viewed": "view_item",
    "view_product": "view_item",
    "detail": "view_item",
    "detail_view": "view_item",
    "detail_page_view": "view_item",
    "pageview": "page_view",
    "product_list_viewed": "view_item_list",
    "product_clicked": "select_item",
    "wishlist": "add_to_wishlist",
    "fav": "add_to_wishlist",
    "favorite": "add_to_wishlist",
    "favourite": "add_to_wishlist",
    "like": "add_to_wishlist",
    "cart": "add_to_cart",
    "basket": "add_to_cart",
    "addtocart": "add_to_cart",
    "add_cart": "add_to_cart",
    "add_to_basket": "add_to_cart",
    "product_added": "add_to_cart",
    "removefromcart": "remove_from_cart",
    "remove_cart": "remove_from_cart",
    "remove_from_basket": "remove_from_cart",
    "product_removed": "remove_from_cart",
    "cart_viewed": "view_cart",
    "checkout": "begin_checkout",
    "checkout_started": "begin_checkout",
    "buy": "purchase",
    "bought": "purchase",
    "purchased": "purchase",
    "order": "purchase",
    "ordered": "purchase",
    "order_completed": "purchase",
    "sale": "purchase",
    "transaction": "purchase",
    "return": "refund",
    "returned": "refund",
    "refunded": "refund",
    "order_refunded": "refund",
    "rating": "rate",
    "rated": "rate",
    "review": "rate",
    "login_success": "login",
    "signup": "sign_up",
    "register": "sign_up",
}

# Every spelling and what it reads as; a spelling's place is its code in the enum that does the lookup.
EVENT_SPELLINGS: dict[str, str] = {name: name for name in EVENTS} | EVENT_ALIASES

AVAILABILITY: dict[str, str] = {
    "in_stock": "in_stock",
    "instock": "in_stock",
    "available": "in_stock",
    "true": "in_stock",
    "yes": "in_stock",
    "out_of_stock": "out_of_stock",
    "outofstock": "out_of_stock",
    "unavailable": "out_of_stock",
    "discontinued": "out_of_stock",
    "sold_out": "out_of_stock",
    "false": "out_of_stock",
    "no": "out_of_stock",
    "preorder": "preorder",
    "pre_order": "preorder",
    "backorder": "backorder",
    "onbackorder": "backorder",
    "on_backorder": "backorder",
}

NOTHING = ("", "nan", "null", "none")  # in any case
