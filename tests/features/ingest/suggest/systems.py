"""The shop in the formats of the systems that shops use."""

from datetime import timedelta

from tests.features.ingest.suggest.shop import LINES, Files, Line, Right, by_order, csv, right


def shopify(*, cancelled: bool = True) -> tuple[Files, Right]:
    """Shopify's export of orders: what is of the order stands on its first line only."""
    header = (
        "Name,Email,Financial Status,Paid at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,"
        "Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,"
        "Lineitem sku,Lineitem requires shipping,Billing Name,Cancelled at,Refunded Amount,Vendor,Id,Source,"
        "Lineitem discount"
    )
    rows = []
    kept = []
    for order, lines in by_order().items():
        gone = cancelled and order % 11 == 3
        subtotal = sum(line.amount for line in lines)
        for place, line in enumerate(lines):
            when = f"{line.when} +0200"
            state = ("refunded" if order % 2 else "voided") if gone else "paid"
            first = [state, when, "no", "EUR", f"{subtotal:.2f}", "4.90", "0.00", f"{subtotal + 4.9:.2f}", "", "0.00"]
            last = ["Ann Example", when if gone else "", "0.00", "Acme", f"5550{order:05}", "web", "0.00"]
            if place:
                first, last = [""] * len(first), ["", "", "", "Acme", "", "", "0.00"]
            item = [str(line.pieces), f"Soap {line.product}", f"{line.price:.2f}", "", f"S-{line.product:02}", "true"]
            email = f"Buyer{line.customer}@example.com" if place % 2 else f"buyer{line.customer}@example.com"
            rows.append(",".join([f"#{1000 + order}", email, *first, when, *item, *last]))
        kept += [] if gone else lines
    asks = ("Financial Status",) if cancelled else ()
    moments = kept[0].moment - timedelta(hours=2), kept[-1].moment - timedelta(hours=2)
    found = right(kept, skipped={"cancelled": len(LINES) - len(kept)} if cancelled else {}, asks=asks, moments=moments)
    return {"orders_export_1.csv": csv(header, rows)}, found


def square() -> tuple[Files, Right]:
    """Square's items: a day and a time of the day, money with its sign, ids that are blank for a third of the goods."""
    header = (
        "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Gross Sales,Discounts,Net Sales,Tax,Transaction ID,"
        "Device Name,Event Type,Location,Customer ID,Customer Name"
    )
    rows = []
    for line in LINES:
        off = 1.0 if line.order % 5 == 0 else 0.0
        sku = f"SK{line.product:03}" if line.product % 3 else ""
        money = f"${line.amount:.2f},{'-$1.00' if off else '$0.00'},${line.amount - off:.2f},$0.10"
        rows.append(
            f"{line.moment:%Y-%m-%d},{line.moment:%H:%M:%S},Eastern Time (US & Canada),Cafe,Item {line.product},"
            f"{line.pieces}.0,Regular,{sku},{money},TX{line.order:05},iPad,Payment,Main,CUST{line.customer:03},Dee"
        )
    off = float(sum(line.order % 5 == 0 for line in LINES))
    found = right(discount=off, moments=(LINES[0].moment + timedelta(hours=5), LINES[-1].moment + timedelta(hours=5)))
    found = Right(**{**found.__dict__, "amount": round(found.amount - off, 2), "asks": ("SKU is blank",)})
    return {"items-2024-01-01-2025-01-01.csv": csv(header, rows)}, found


def olist() -> tuple[Files, Right]:
    """Orders, items, customers, products and payments; every order has an id of its customer of its own."""
    orders = by_order()
    gone = {order for order in orders if order % 23 == 0}
    items = [
        f'"e{line.order:031x}",{place},"d{line.product:031x}","{line.when}",{line.price:.2f},8.72'
        for lines in orders.values()
        for place, line in enumerate(lines, start=1)
    ]
    heads = [
        f'"e{order:031x}","a{order:031x}","{"canceled" if order in gone else "delivered"}",'
        f'"{lines[0].when}","{lines[0].moment:%Y-%m-%d} 00:00:00"'
        for order, lines in orders.items()
    ]
    people = [
        f'"a{order:031x}","b{lines[0].customer:031x}","01{order:03}","sao paulo"' for order, lines in orders.items()
    ]
    goods = [f'"d{product:031x}","cama_mesa_banho",40,287,1' for product in range(18)]
    pays = [f'"e{order:031x}",{n},"card",1,20.00' for order in orders for n in range(1, 1 + (order % 3 == 0) + 1)]
    kept = [line for line in LINES if line.order not in gone]
    found = Right(
        len(kept),
        round(sum(line.price for line in kept), 2),
        len({line.customer for line in kept}),
        skipped={"cancelled": len(LINES) - len(kept)},
        asks=("order_status", "olist_order_payments_dataset.csv"),
        columns={("products", "name"): ""},
    )
    files: Files = {
        "olist_order_items_dataset.csv": csv(
            '"order_id","order_item_id","product_id","shipping_limit_date","price","freight_value"', items
        ),
        "olist_orders_dataset.csv": csv(
            '"order_id","customer_id","order_status","order_purchase_timestamp","order_estimated_delivery_date"', heads
        ),
        "olist_customers_dataset.csv": csv(
            '"customer_id","customer_unique_id","customer_zip_code_prefix","customer_city"', people
        ),
        "olist_products_dataset.csv": csv(
            '"product_id","product_category_name","product_name_lenght","product_description_lenght","product_photos_qty"',
            goods,
        ),
        "olist_order_payments_dataset.csv": csv(
            '"order_id","payment_sequential","payment_type","payment_installments","payment_value"', pays
        ),
    }
    return files, found


def navision(*, one_file: bool = True) -> tuple[Files, Right]:
    """Posted lines of Navision: credit memos with amounts above 0, beside the invoices or in a file of their own."""
    back = [line for line in LINES if line.order % 10 == 4]
    header = (
        "Document Type;Document No.;Sell-to Customer No.;Type;No.;Description;Posting Date;Quantity;"
        "Unit Price Excl. VAT;Line Discount %;Line Amount Excl. VAT;Amount Including VAT"
    )

    def row(line: Line, kind: str, number: str) -> str:
        money = f"{line.price:.2f};0;{line.amount:.2f};{1.19 * line.amount:.2f}".replace(".", ",")
        return (
            f"{kind};{number};D{line.customer:05};Item;A-{line.product:03};Ware {line.product};{line.moment:%d.%m.%Y};"
            f"{line.pieces},00;{money}"
        )

    sold = [row(line, "Invoice", f"PSI{line.order:06}") for line in LINES]
    taken = [row(line, "Credit Memo", f"PSCM{line.order:06}") for line in back]
    found = right(returns=len(back))
    if one_file:
        return {"Posted Sales Lines.csv": "\ufeff" + csv(header, [*sold, *taken])}, found
    short = header.removeprefix("Document Type;")
    files: Files = {
        "Posted Sales Invoice Lines.csv": csv(short, [one.removeprefix("Invoice;") for one in sold]),
        "Posted Sales Cr.Memo Lines.csv": csv(short, [one.removeprefix("Credit Memo;") for one in taken]),
    }
    return files, found


def woocommerce() -> tuple[Files, Right]:
    """An export of WooCommerce orders, one row an item; refused and cancelled orders among them."""
    header = (
        "Order Number,Order Status,Order Date,First Name (Billing),Email (Billing),Payment Method Title,"
        "Order Subtotal Amount,Order Shipping Amount,Order Total Amount,SKU,Item #,Item Name,Quantity (- Refund),"
        "Item Cost"
    )
    rows, kept = [], []
    for order, lines in by_order().items():
        total = sum(line.amount for line in lines)
        gone = order % 13 == 2
        kept += [] if gone else lines
        for place, line in enumerate(lines, start=1):
            rows.append(
                f"{order},{'Cancelled' if gone else 'Completed'},{line.moment:%Y-%m-%d %H:%M},Kim,"
                f"kim{line.customer}@example.com,Card,{total},5,{total + 5},W{line.product},{place},Mug {line.product},"
                f"{line.pieces},{line.price}"
            )
    found = right(kept, skipped={"cancelled": len(LINES) - len(kept)}, asks=("Order Status",))
    return {"orders-2024-12-31.csv": csv(header, rows)}, found


def taobao() -> tuple[Files, Right]:
    """Two exports of a seller's back office: orders, and their goods; ids with guards, in GB 18030."""
    heads = [
        f'"=""{10**17 + order}""",买家{lines[0].customer},{sum(line.amount for line in lines)},'
        f"{'交易关闭' if order % 17 == 5 else '交易成功'},{lines[0].when}"
        for order, lines in by_order().items()
    ]
    goods = [
        f'"=""{10**17 + line.order}""",绿茶{line.product}号,{line.price},{line.pieces},"=""{8000 + line.product}"""'
        for line in LINES
    ]
    kept = [line for line in LINES if line.order % 17 != 5]
    files: Files = {
        "ExportOrderList202412.csv": csv("订单编号,买家会员名,总金额,订单状态,订单创建时间", heads).encode("gb18030"),
        "ExportOrderDetailList202412.csv": csv("订单编号,标题,价格,购买数量,商家编码", goods).encode("gb18030"),
    }
    found = right(kept, skipped={"cancelled": len(LINES) - len(kept)}, asks=("订单状态", "encoding"))
    return files, found


def jingdong() -> tuple[Files, Right]:
    """An export of JD: the order's amount on each of its lines."""
    rows = []
    for order, lines in by_order().items():
        total = sum(line.amount for line in lines)
        rows += [
            f"{9 * 10**10 + order},{100 + line.product},茶杯{line.product},{line.pieces},在线支付,"
            f"{line.when},{line.price},{total},完成,jd_{line.customer}"
            for line in lines
        ]
    return {
        "订单.csv": csv("订单号,商品ID,商品名称,订购数量,支付方式,下单时间,京东价,订单金额,订单状态,下单帐号", rows)
    }, right()


def hubspot() -> tuple[Files, Right]:
    """Deals and contacts of HubSpot: only deals that were won are sales."""
    stages = ("closedwon", "closedwon", "closedlost")
    won = [lines[0] for order, lines in by_order().items() if order % 3 < 2]
    deals = [
        f"{7000 + order},Offer {order},{stages[order % 3]},{lines[0].moment:%Y-%m-%d %H:%M},{lines[0].amount},"
        f"{lines[0].customer + 1}"
        for order, lines in by_order().items()
    ]
    people = sorted({line.customer for line in LINES})
    contacts = [f"{customer + 1},Kim,kim{customer}@example.com,customer,2023-05-01" for customer in people]
    files: Files = {
        "deals.csv": csv("Record ID,Deal Name,Deal Stage,Close Date,Amount,Associated Contact IDs", deals),
        "contacts.csv": csv("Record ID,First Name,Email,Lifecycle Stage,Create Date", contacts),
    }
    lost = sum(order % 3 == 2 for order in by_order())
    return files, right(won, skipped={"cancelled": lost}, asks=("Deal Stage", "product"))


def stripe() -> tuple[Files, Right]:
    """Payments of Stripe: no goods, one amount a payment, failed ones among them."""
    orders = by_order()
    rows = [
        f"ch_{order},Subscription update,{lines[0].when},{sum(line.amount for line in lines):.2f},0.00,"
        f"usd,{'Failed' if order % 19 == 4 else 'Paid'},cus_{lines[0].customer:04}"
        for order, lines in orders.items()
    ]
    kept = {order: lines for order, lines in orders.items() if order % 19 != 4}
    found = Right(
        len(kept),
        round(sum(line.amount for lines in kept.values() for line in lines), 2),
        len({lines[0].customer for lines in kept.values()}),
        skipped={"cancelled": len(orders) - len(kept)},
        asks=("Status",),
    )
    header = "id,Description,Created (UTC),Amount,Amount Refunded,Currency,Status,Customer ID"
    return {"payments.csv": csv(header, rows)}, found


def refunds_of_square() -> tuple[Files, Right]:
    """Refunds of Square, which are rows of another type."""
    files, found = square()
    text = str(files["items-2024-01-01-2025-01-01.csv"])
    back = [line for line in text.splitlines()[1:] if ",Payment," in line][5:300:50]
    again = "".join(line.replace(",Payment,", ",Refund,") + "\n" for line in back)
    return {"items-2024-01-01-2025-01-01.csv": text + again}, Right(**{**found.__dict__, "returns": len(back)})


def uci() -> tuple[Files, Right]:
    """Invoices of a till: cancelled ones begin with C, and some name no customer."""
    rows, kept, back = [], [], 0
    for line in LINES:
        customer = f"{12000 + line.customer}.0" if line.order % 7 else ""
        kept += [line] if customer else []
        row = f"Thing {line.product},{{}},{line.when},{line.price},{customer},France"
        rows.append(f"{500_000 + line.order},{20_000 + line.product},{row.format(line.pieces)}")
        if customer and line.order % 12 == 5:
            rows.append(f"C{600_000 + line.order},{20_000 + line.product},{row.format(-line.pieces)}")
            back += 1
    found = right(kept, returns=back, skipped={"guest": len(LINES) - len(kept)}, asks=("name no customer",))
    header = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"
    return {"online_retail_II.csv": csv(header, rows)}, found
