"""One small made-up file per dialect, after the vendor's documentation."""

import json
from typing import Any


def _jsonl(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def _parameter(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


_GA4_ORDER = {
    "event_date": "20240105",
    "event_timestamp": "1704449472000001",
    "event_name": "purchase",
    "event_params": [
        _parameter("ga_session_id", int_value="77"),
        _parameter("currency", string_value="EUR"),
        _parameter("value", double_value=35.5),
    ],
    "user_id": "u1",
    "user_pseudo_id": "d1",
    "ecommerce": {"transaction_id": "T-1", "total_item_quantity": "3"},
    "items": [
        {
            "item_id": "A",
            "item_name": "Cup",
            "item_brand": "Acme",
            "item_category": "Home",
            "item_category2": "Kitchen",
            "item_category3": "(not set)",
            "price": 10.0,
            "quantity": "2",
        },
        {"item_id": "B", "item_name": "(not set)", "price": 15.5},
    ],
}

FILES: dict[str, tuple[str, str]] = {
    "plain_events": (
        "csv",
        "event_id,time,event,user_id,session_id,item_id,quantity,price,currency,transaction_id,value,title\n"
        "e1,2024-01-05 10:11:12,view_item,u1,s1,A,,,,,,Cup\n"
        "e2,2024-01-05T10:11:12Z,purchase,u1,s1,A,2,10.00,EUR,T-1,,Cup\n"
        "e3,2024-01-05T10:11:12-05:00,refund,17850.0,,A,-1,10.00,EUR,T-1,,\n",
    ),
    "plain_purchases": (
        "csv",
        "order_id,customer,sku,order_date,qty,unit_price\nT-1,u1,A,2024-01-05,2,10\nT-1,u1,A,2024-01-06,-1,10\n",
    ),
    "plain_ratings": ("csv", "user,item,stars,date\nu1,A,4.5,2024-01-05\n"),
    "plain_views": ("csv", "visitor_id,product_id,timestamp\nu1,A,1704449472123\n"),
    "plain_products": (
        "csv",
        "sku,name,category,price,cost,availability\nA,Cup,Home > Kitchen,10,4,in_stock\n",
    ),
    "plain_prices": ("csv", "item_id,valid_from,price,promo,cost\nA,2024-01-05,10,true,4\n"),
    "plain_relations": ("csv", "follower_id,followed_id,kind,weight\nu1,u2,follows,2\nu1,u3,,\n"),
    "plain_stock": ("csv", "item_id,date,stock_quantity\nA,2024-01-05,3\nA,2024-01-06,0\nA,2024-01-07,x\n"),
    "ga4": (
        "jsonl",
        _jsonl(
            _GA4_ORDER,
            {
                "event_timestamp": "1704449473000000",
                "event_name": "page_view",
                "event_params": [_parameter("ga_session_id", int_value="77")],
                "user_pseudo_id": "d1",
                "items": [],
            },
        ),
    ),
    "segment": (
        "jsonl",
        _jsonl(
            {
                "type": "track",
                "messageId": "m1",
                "event": "Order Completed",
                "userId": "u1",
                "anonymousId": "a1",
                "timestamp": "2024-01-05T10:11:12.000Z",
                "properties": {
                    "order_id": "T-1",
                    "revenue": 25.0,
                    "currency": "USD",
                    "products": [
                        {"product_id": "A", "sku": "S-A", "name": "Cup", "price": 10, "quantity": 2},
                        {"sku": "S-B", "name": "Pot", "price": 5},
                    ],
                },
            },
            {
                "type": "track",
                "messageId": "m2",
                "event": "Product Added",
                "anonymousId": "a1",
                "timestamp": "2024-01-05T11:11:12+02:00",
                "properties": {"product_id": "A", "price": 10, "quantity": 1, "products": [{"sku": "S-Z"}]},
            },
            {
                "type": "track",
                "messageId": "m3",
                "event": "Product Reviewed",
                "userId": "u1",
                "timestamp": "2024-01-05T10:11:12Z",
                "properties": {"product_id": "A", "rating": 4},
            },
            {"type": "page", "messageId": "m4", "anonymousId": "a1", "timestamp": "2024-01-05T10:11:12Z"},
            {"type": "identify", "messageId": "m5", "userId": "u1", "timestamp": "2024-01-05T10:11:12Z"},
            {
                "type": "track",
                "messageId": "m6",
                "event": "Coupon Entered",
                "userId": "u1",
                "timestamp": "2024-01-05T10:11:12Z",
            },
        ),
    ),
    "google_retail": (
        "jsonl",
        _jsonl(
            {
                "eventType": "home-page-view",
                "visitorId": "v1",
                "eventTime": "2024-01-05T10:11:12.000Z",
            },
            {
                "eventType": "purchase-complete",
                "visitorId": "v1",
                "userInfo": {"userId": "u1"},
                "sessionId": "s1",
                "eventTime": "2024-01-05T10:12:12.000Z",
                "productDetails": [
                    {
                        "product": {"id": "A", "priceInfo": {"price": 10, "currencyCode": "USD"}},
                        "quantity": 2,
                    },
                    {"product": {"id": "B"}, "quantity": 1},
                ],
                "purchaseTransaction": {"id": "T-1", "revenue": 25, "currencyCode": "USD"},
            },
        ),
    ),
    "google_merchant": (
        "tsv",
        "id\ttitle\tdescription\tlink\timage link\tavailability\tprice\tsale_price\tbrand\tgtin\t"
        "google_product_category\tproduct_type\titem_group_id\tcost_of_goods_sold\n"
        "A\tCup\tA red cup\thttps://shop.example/a\thttps://shop.example/a.png\tin_stock\t12.50 GBP\t"
        "9.99 GBP\tAcme\t4006381333931\t2169\tHome > Kitchen\tcups\t4.00 GBP\n"
        "B\tPot\t\thttps://shop.example/b\t\tout of stock\tUSD 5\t\t\t\tHome & Garden\t\t\t\n",
    ),
    "shopify_orders": (
        "csv",
        "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Currency,Total,Created at,"
        "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Cancelled at,Refunded Amount,Phone\n"
        "#1001,Ann@Example.com,paid,2024-01-05 10:11:13 -0500,fulfilled,,USD,25.00,2024-01-05 10:11:12 -0500,"
        "2,Cup - Red,10.00,CUP-R,,0.00,\n"
        "#1001,Ann@Example.com,,,,,,,,1,Pot,5.00,,,,\n"
        "#1002,,refunded,2024-01-06 09:00:00 +0000,,2024-01-07 09:00:00 +0000,USD,5,"
        "2024-01-06 08:00:00 +0000,1,Pot,5.00,,,5.00,'+44 1\n"
        "#1003,bob@example.com,voided,,,,USD,10,2024-01-06 08:00:00 +0000,1,Cup - Red,10,CUP-R,"
        "2024-01-08 08:00:00 +0000,0.00,\n"
        "#1004,bob@example.com,expired,,,,USD,10,2024-01-06 08:00:00 +0000,1,Cup - Red,10,CUP-R,,0.00,\n",
    ),
    "shopify_products": (
        "csv",
        "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,"
        "Option2 Name,Option2 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,"
        "Variant Inventory Policy,Variant Price,Variant Compare At Price,Variant Barcode,Image Src,"
        "Variant Image,Cost per item,Status\n"
        "cup,Cup,<p>A <b>fine</b> cup</p>,Acme,Home > Kitchen,Cups,,TRUE,Color,Red,Size,M,'0012,shopify,"
        "3,deny,8.00,10.00,'4006381333931,https://shop.example/1.png,,4.00,active\n"
        "cup,,,,,,,,,Blue,,M,,shopify,0,deny,10.00,,,https://shop.example/2.png,https://shop.example/b.png,,\n"
        "cup,,,,,,,,,,,,,,,,,,,https://shop.example/3.png,,,\n"
        "pot,Pot,,Acme,,Pots,,TRUE,Title,Default Title,,,,,,,5.00,,,,,,active\n",
    ),
    "woocommerce_orders": (
        "jsonl",
        _jsonl(
            {
                "id": 727,
                "status": "completed",
                "currency": "USD",
                "date_created_gmt": "2024-01-05T10:11:12",
                "date_modified_gmt": "2024-01-06T10:11:12",
                "date_paid_gmt": "2024-01-05T10:11:13",
                "customer_id": 26,
                "billing": {"email": "ann@example.com"},
                "line_items": [
                    {
                        "id": 1,
                        "name": "Cup - Red",
                        "product_id": 93,
                        "variation_id": 94,
                        "quantity": 2,
                        "price": 9.5,
                    },
                    {"id": 2, "name": "Pot", "product_id": 22, "variation_id": 0, "quantity": 1, "price": 5},
                ],
                "refunds": [],
            },
            {
                "id": 728,
                "status": "refunded",
                "currency": "USD",
                "date_created_gmt": "2024-01-07T10:00:00",
                "date_modified_gmt": "2024-01-09T10:00:00",
                "date_paid_gmt": "2024-01-07T10:00:00",
                "customer_id": 0,
                "billing": {"email": "Bob@example.com"},
                "line_items": [
                    {"id": 3, "name": "Pot", "product_id": 22, "variation_id": 0, "quantity": 1, "price": 5},
                    {"id": 4, "name": "Lid", "product_id": 23, "variation_id": 0, "quantity": 1, "price": 2},
                ],
                "refunds": [{"id": 9, "total": "-7.00"}],
            },
            {
                "id": 729,
                "status": "pending",
                "currency": "USD",
                "date_created_gmt": "2024-01-08T10:00:00",
                "date_modified_gmt": "2024-01-08T10:00:00",
                "date_paid_gmt": None,
                "customer_id": 26,
                "billing": {"email": "ann@example.com"},
                "line_items": [
                    {"id": 5, "name": "Pot", "product_id": 22, "variation_id": 0, "quantity": 1, "price": 5}
                ],
                "refunds": [],
            },
        ),
    ),
    "woocommerce_products": (
        "csv",
        'ID,Type,SKU,"GTIN, UPC, EAN, or ISBN",Name,Published,"Is featured?",Short description,Description,'
        '"In stock?",Stock,Sale price,Regular price,Categories,Tags,Images,Parent,Brands,Cost of goods\n'
        '93,variable,CUP,,Cup,1,0,,A fine cup,1,,,,"Home > Kitchen, Sale",,'
        '"https://shop.example/1.png, https://shop.example/2.png",,Acme,\n'
        "94,variation,CUP-R,4006381333931,Cup - Red,1,0,,,1,3,8,10,,,,CUP,,4\n"
        "95,variation,CUP-B,,Cup - Blue,1,0,,,0,0,,10,,,https://shop.example/b.png,id:93,,\n"
        '22,simple,,,Pot,1,0,Short,,backorder,,,5,"Pots\\, Pans > Iron",,,,,\n',
    ),
    "magento_products": (
        "csv",
        "sku,store_view_code,attribute_set_code,product_type,categories,product_websites,name,description,"
        "short_description,price,special_price,base_image,additional_attributes,qty,is_in_stock,"
        "configurable_variations\n"
        'CUP,,Default,configurable,"Default Category/Home,Default Category/Home/Kitchen",base,Cup,'
        '<p>Fine</p>,,,,/c/u/cup.jpg,,0.0000,1,"sku=CUP-R,color=Red|sku=CUP-B,color=Blue"\n'
        "CUP-R,,Default,simple,Default Category,base,Cup Red,,Short,10.00,8.00,,"
        '"manufacturer=Acme,cost=4.00,gtin=4006381333931",3.0000,1,\n'
        "CUP-R,german,Default,simple,,,Tasse rot,,,,,,,,,\n"
        "CUP-B,,Default,simple,,base,Cup Blue,,,10.00,,,,0.0000,0,\n",
    ),
    "uci_online_retail": (
        "csv",
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "1,10001a, RED CUP ,6,12/1/2010 8:26,2.55,100.0,United Kingdom\n"
        "C2,10001A,RED CUP,-2,12/2/2010 9:30,2.55,100,United Kingdom\n"
        "3,POST,POSTAGE,1,12/1/2010 8:26,18.00,100,France\n"
        "A4,B,Adjust bad debt,1,12/1/2010 8:26,11.00,,United Kingdom\n"
        "5,DCGS0001,POT,1,12/1/2010 8:26,0,,United Kingdom\n"
        "6,TEST001,A test,1,12/1/2010 8:26,4.5,,United Kingdom\n",
    ),
    "retailrocket": (
        "csv",
        "timestamp,visitorid,event,itemid,transactionid\n"
        "1704449472001,1,view,100,\n1704449472002,1,addtocart,100,\n1704449472003,2,transaction,100,234\n",
    ),
    "movielens_ratings": ("csv", "userId,movieId,rating,timestamp\n1,31,2.5,1704449472\n"),
    "movielens_movies": (
        "csv",
        'movieId,title,genres\n1,"A Film, A (1999)",Comedy|Drama\n2,B (2000),(no genres listed)\n',
    ),
}
