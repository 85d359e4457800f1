"""Exports as shops really have them, each with the right value of what comes of them.

One small shop, written down in the formats of the systems that shops use and with the faults that users of such systems
report. The people and goods are invented.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, NamedTuple
from zipfile import ZipFile

import numpy as np
from openpyxl import Workbook

from features.contract.tables import TableName

#: Files by name.
Files = dict[str, str | bytes]


class Line(NamedTuple):
    """An order line; customers, orders and products by their numbers."""

    customer: int
    order: int
    product: int
    moment: datetime
    pieces: int
    price: float

    @property
    def when(self) -> str:
        """The moment as most exports write it."""
        return f"{self.moment:%Y-%m-%d %H:%M:%S}"

    @property
    def amount(self) -> float:
        """What it came to."""
        return self.pieces * self.price


@dataclass(frozen=True)
class Right:
    """What the contract tables must hold.

    Attributes
    ----------
    asks
        Words of the questions that have to be asked.
    columns
        Expected mappings, by table and contract column.
    """

    rows: int
    amount: float
    customers: int
    skipped: dict[str, int] = field(default_factory=dict)
    returns: int = 0
    merged: int = 0
    rejected: int = 0
    moments: tuple[datetime, datetime] | None = None
    discount: float | None = None
    asks: tuple[str, ...] = ()
    columns: dict[tuple[TableName, str], str] = field(default_factory=dict)


def shop(orders: int = 300, customers: int = 60, products: int = 18, seed: int = 5) -> list[Line]:
    """Return the lines of a year: every order has a moment of its own, and one to three different products."""
    rng = np.random.default_rng(seed)
    found = []
    for order in range(orders):
        moment = datetime(2024, 1, 1, 10) + timedelta(hours=29.25 * order)  # noqa: DTZ001 - the shop's own clock
        customer = int(rng.integers(customers))
        for product in rng.choice(products, int(rng.integers(1, 4)), replace=False).tolist():
            pieces = int(rng.choice([1, 1, 2, 5]))
            found.append(Line(customer, order, product, moment.replace(second=0), pieces, 3.5 + product))
    return found


LINES = shop()


def right(lines: Iterable[Line] = (), **more: Any) -> Right:
    """Return what lines come to."""
    own = list(lines) or LINES
    return Right(len(own), round(sum(line.amount for line in own), 2), len({line.customer for line in own}), **more)


def csv(header: str, rows: Iterable[str]) -> str:
    """Return a text file."""
    return "\n".join([header, *rows]) + "\n"


def by_order(lines: Iterable[Line] = ()) -> dict[int, list[Line]]:
    """Return the lines of each order."""
    orders: dict[int, list[Line]] = {}
    for line in lines or LINES:
        orders.setdefault(line.order, []).append(line)
    return orders


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


def null_words() -> tuple[Files, Right]:
    """Words for nothing in the column of customers."""
    words = ("NULL", "nan", "N/A", "none")
    lines = [line for line in LINES if line.order % 6]
    rows = [
        f"{f'C{line.customer:03}' if line.order % 6 else words[line.order % 4]},O{line.order},P{line.product},"
        f"{line.when},{line.pieces},{line.price},{'web' if line.order % 2 else 'NULL'}"
        for line in LINES
    ]
    asks = (f"{len(LINES) - len(lines)} rows name no customer",)
    found = right(lines, skipped={"guest": len(LINES) - len(lines)}, asks=asks)
    return {"orders.csv": csv("customer_id,order_id,sku,order_date,qty,unit_price,channel", rows)}, found


def sister_dates() -> tuple[Files, Right]:
    """One store writes the day first, the other one the month."""
    files: Files = {}
    for store, way in ((1, "%d/%m/%Y %H:%M"), (2, "%m/%d/%Y %H:%M")):
        rows = [
            f"C{line.customer},O{line.order},P{line.product},{line.moment.strftime(way)},{line.pieces},{line.price}"
            for line in LINES
            if line.order % 2 == store - 1
        ]
        files[f"store-{store}.csv"] = csv("customer_no,order_no,sku,order_date,qty,unit_price", rows)
    return files, right(moments=(LINES[0].moment, LINES[-1].moment))


def workbook() -> tuple[Files, Right]:
    """Titles above the header, a hidden sheet, a sheet for each half of the year, a line of totals."""
    book = Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    notes = book.create_sheet("lookup")
    notes.append(["do not touch"])
    notes.sheet_state = "hidden"
    for name, half in (("H1", LINES[: len(LINES) // 2]), ("H2", LINES[len(LINES) // 2 :])):
        sheet = book.create_sheet(name)
        for title in (["Acme - Sales by customer"], ["Period: half a year"], []):
            sheet.append(title)
        sheet.append(["Customer No", "Order No", "Article", "Date", "Qty", "Unit price", "Amount"])
        for line in half:
            sheet.append(
                [line.customer, line.order, f"P{line.product}", line.moment, line.pieces, line.price, line.amount]
            )
        sheet.append(["Grand total", None, None, None, None, None, sum(line.amount for line in half)])
    target = BytesIO()
    book.save(target)
    asks = ("sheet 'lookup' (hidden)",)
    return {"sales report.xlsx": target.getvalue()}, right(rejected=2, asks=asks)


def numbered_lines() -> tuple[Files, Right]:
    """Two exports that overlap, whose lines have numbers; some lines differ in nothing else."""
    lines = [line for line in LINES for _ in range(1 + (line.order % 4 == 0))]
    rows = [
        f"C{line.customer},O{line.order},{place},P{line.product},{line.when},{line.pieces},{line.price}"
        for place, line in enumerate(lines, start=1)
    ]
    header, middle = "customer_no,order_no,line_no,sku,order_date,qty,unit_price", len(rows) // 2
    files: Files = {
        "orders-2024-1.csv": csv(header, rows[: middle + 20]),
        "orders-2024-2.csv": csv(header, rows[middle:]),
    }
    return files, right(lines, merged=20, columns={("transactions", "line_id"): "line_no"})


def equal_lines() -> tuple[Files, Right]:
    """Lines of an order that are equal in every column are two sales."""
    lines = [line for line in LINES for _ in range(1 + (line.order % 9 == 0))]
    rows = [f"C{line.customer},O{line.order},P{line.product},{line.when},{line.pieces},{line.price}" for line in lines]
    asks = (f"{len(lines) - len(LINES)} rows equal another line of their order",)
    return {"orders.csv": csv("customer_no,order_no,sku,order_date,qty,unit_price", rows)}, right(lines, asks=asks)


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


def order_level_lines() -> tuple[Files, Right]:
    """Postage, deposits, gift cards, wrapping and discounts as lines; goods with words of fees in their names."""
    names = {0: "VINTAGE POST OFFICE CABINET", 1: "Manual Pencil Sharpener", 2: "Test Tube Vase"}
    extra = {
        "SHIP-STD": ("Standard shipping", 1, 4.9, 1),
        "DISC10": ("Discount 10%", 1, -3.0, 5),
        "GC-50": ("Gift card 50", 1, 50.0, 7),
        "PFAND": ("Bottle deposit", 6, 0.25, 9),
        "WRAP": ("Geschenkverpackung", 1, 2.0, 11),
    }
    rows, amount, count = [], 0.0, 0
    for order, lines in by_order().items():
        head = f"C{lines[0].customer},O{order}"
        when = f"{lines[0].when}"
        own = [
            (f"P{line.product}", names.get(line.product, f"Thing {line.product}"), line.pieces, line.price)
            for line in lines
        ]
        own += [(code, *fee[:3]) for code, fee in extra.items() if order % fee[3] == 0]
        for code, name, pieces, price in own:
            rows.append(f"{head},{code},{name},{when},{pieces},{price}")
            amount += pieces * price
            count += 1
    found = Right(count, round(amount, 2), len({line.customer for line in LINES}), asks=("Are these goods?",))
    listed = ", ".join(f"'{code}'" for code in ("SHIP-STD", "DISC10", "GC-50", "PFAND", "WRAP"))
    found.columns["products", "active"] = f'canonical("sku") NOT IN ({listed})'
    return {"orders.csv": csv("customer_no,order_no,sku,title,order_date,qty,unit_price", rows)}, found


def headers_and_lines() -> tuple[Files, Right]:
    """Orders of 20 digits and their lines, in two files; days and months that could be each other."""
    files: Files = {
        "lines.csv": csv(
            "order_no,sku,qty,price",
            (f"123456789012345{line.order:05},{line.product:06},{line.pieces},{line.price}" for line in LINES),
        ),
        "orders.csv": csv(
            "order_no,customer_no,order_date",
            (
                f"123456789012345{order:05},{lines[0].customer:06},{lines[0].moment:%d/%m/%Y}"
                for order, lines in by_order().items()
            ),
        ),
    }
    midnight = datetime(2024, 1, 1)  # noqa: DTZ001
    return files, right(moments=(midnight, LINES[-1].moment.replace(hour=0, minute=0)))


def turned_dates() -> tuple[Files, Right]:
    """Months first, opened in a spreadsheet whose days come first; a discount that is a share of the price."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Customer No", "Order No", "Article", "Date", "Qty", "Unit price", "Discount %"])
    for line in LINES:
        day: object = f"{line.moment:%m/%d/%Y}"
        if line.moment.day <= 12:
            day = datetime(line.moment.year, line.moment.day, line.moment.month)  # noqa: DTZ001
        sheet.append(
            [100_000 + line.customer, line.order, 4_006_381_333_000 + line.product, day, line.pieces, line.price, 0.1]
        )
    target = BytesIO()
    book.save(target)
    found = right(moments=(datetime(2024, 1, 1), LINES[-1].moment.replace(hour=0, minute=0)))  # noqa: DTZ001
    off = round(0.1 * found.amount, 2)
    more = {"discount": off, "amount": round(found.amount - off, 2), "asks": ("a spreadsheet has read", "Discount %")}
    return {"orders.xlsx": target.getvalue()}, Right(**{**found.__dict__, **more})


def order_totals(*, on_every_line: bool) -> tuple[Files, Right]:
    """The total of the order, on every line of it or on the first one."""
    rows = []
    for order, lines in by_order().items():
        total = sum(line.amount for line in lines)
        for place, line in enumerate(lines):
            said = total if on_every_line or not place else ""
            rows.append(f"O{order},C{line.customer},{line.when},P{line.product},{line.pieces},{line.price},{said}")
    return {"orders.csv": csv("Order ID,Customer ID,Order Date,SKU,Qty,Item Price,Total", rows)}, right()


def only_totals() -> tuple[Files, Right]:
    """The total of the order on every line, and no price: the lines share it."""
    rows = []
    for order, lines in by_order().items():
        total = sum(line.amount for line in lines)
        rows += [f"O{order},C{line.customer},{line.when},P{line.product},{line.pieces},{total}" for line in lines]
    return {"orders.csv": csv("Order ID,Customer ID,Order Date,SKU,Qty,Order Total", rows)}, right(
        asks=("is the order's",)
    )


def unit_price_as_amount() -> tuple[Files, Right]:
    """A column called Amount that is the price of a piece."""
    rows = [
        f"O{line.order},C{line.customer},{line.when},P{line.product},{line.pieces},{line.price},{line.price}"
        for line in LINES
    ]
    return {"orders.csv": csv("Order ID,Customer ID,Order Date,SKU,Qty,Unit Price,Amount", rows)}, right()


def currencies() -> tuple[Files, Right]:
    """Orders in two currencies."""
    kept = [line for line in LINES if line.order % 5]
    rows = [
        f"O{line.order},C{line.customer},{line.when},P{line.product},{line.pieces},{line.price},"
        f"{'EUR' if line.order % 5 else 'USD'}"
        for line in LINES
    ]
    found = right(kept, skipped={"other_currency": len(LINES) - len(kept)}, asks=("never added up",))
    return {"orders.csv": csv("Order ID,Customer ID,Order Date,SKU,Qty,Unit Price,Currency", rows)}, found


def unfamiliar() -> tuple[Files, Right]:
    """A customer who is called otherwise than anywhere: the id that both files share."""
    people = {line.customer for line in LINES}
    files: Files = {
        "abonents.csv": csv("abonent,district", (f"AB-{customer:04},D{customer % 4}" for customer in sorted(people))),
        "sales.csv": csv(
            "abonent,receipt_no,sku,sold_on,qty,unit_price",
            (
                f"AB-{line.customer:04},{line.order},P{line.product},{line.when},{line.pieces},{line.price}"
                for line in LINES
            ),
        ),
    }
    found = right(asks=("Is abonent the customer?",), columns={("transactions", "customer_id"): "abonent"})
    found.columns["customers", "customer_id"] = "abonent"
    return files, found


def courses() -> tuple[Files, Right]:
    """A school: one file, whose customer is a student."""
    rows = [f"{line.order},S{line.customer:04},K{line.product},{line.moment:%Y-%m-%d},{line.amount}" for line in LINES]
    found = right(asks=("No column says how many",), columns={("transactions", "customer_id"): "student_id"})
    return {"enrolments.csv": csv("invoice_no,student_id,item_code,purchase_date,amount", rows)}, found


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


def rows_of(lines: Iterable[Line], way: str = "%Y-%m-%d %H:%M:%S") -> list[str]:
    """Return lines as most exports have them: customer, order, product, moment, pieces, price."""
    return [
        f"C{one.customer},O{one.order},P{one.product},{one.moment.strftime(way)},{one.pieces},{one.price}"
        for one in lines
    ]


HEADER = "customer_no,order_no,sku,order_date,qty,unit_price"


def short_years() -> tuple[Files, Right]:
    """Years of two digits."""
    midnight = datetime(2024, 1, 1)  # noqa: DTZ001
    found = right(moments=(midnight, LINES[-1].moment.replace(hour=0, minute=0)))
    return {"orders.csv": csv(HEADER, rows_of(LINES, "%d.%m.%y"))}, found


def zip_of_kinds() -> tuple[Files, Right]:
    """Files of several kinds in one archive."""
    target = BytesIO()
    with ZipFile(target, "w") as archive:
        archive.writestr("archive/orders.csv", csv(HEADER, rows_of(LINES)))
        people = sorted({line.customer for line in LINES})
        archive.writestr("archive/people.csv", csv("customer_no,tier", (f"C{n},{'AB'[n % 2]}" for n in people)))
    columns: dict[tuple[TableName, str], str] = {("customers", "customer_id"): "customer_no"}
    return {"archive.zip": target.getvalue()}, right(columns=columns)


def staff() -> tuple[Files, Right]:
    """The person at the till is called user; the customer has a code."""
    named = [(("Bob", "Sue")[line.order % 2], line) for line in LINES]
    rows = [
        f"{line.when},R{line.order},LC-{line.customer},{who},P{line.product},{line.pieces},{line.price}"
        for who, line in named
    ]
    columns: dict[tuple[TableName, str], str] = {("transactions", "customer_id"): "Customer Code"}
    return {"sales.csv": csv("Date,Receipt No,Customer Code,User,SKU,Qty,Price", rows)}, right(columns=columns)


def event_log() -> tuple[Files, Right]:
    """Views and carts beside purchases, in one log."""
    rows = [
        f"{line.when},{kind},{1000 + line.product},{line.price},u{line.customer},s{line.order}"
        for line in LINES
        for kind in ("view", "cart", "purchase")
    ]
    found = Right(
        len(LINES),
        round(sum(line.price for line in LINES), 2),
        len({line.customer for line in LINES}),
        skipped={"looked_at": 2 * len(LINES)},
        asks=("event_type has the values",),
    )
    return {"events.csv": csv("event_time,event_type,product_id,price,user_id,user_session", rows)}, found


def states_of_their_own() -> tuple[Files, Right]:
    """States in other words, under another name."""
    words = ("Versendet", "Storniert durch Kunde", "Versendet", "Zahlung offen")
    kept = [line for line in LINES if line.order % 4 != 1]
    rows = [f"{row},{words[line.order % 4]}" for row, line in zip(rows_of(LINES), LINES, strict=True)]
    found = right(kept, skipped={"cancelled": len(LINES) - len(kept)}, asks=("Zahlung offen",))
    return {"orders.csv": csv(f"{HEADER},Zustand", rows)}, found


def returns_by_word() -> tuple[Files, Right]:
    """Returns under a name that nobody knows."""
    back = [line for line in LINES if line.order % 9 == 4]
    rows = [f"{row},Verkauf" for row in rows_of(LINES)] + [f"{row},Rückgabe" for row in rows_of(back)]
    return {"orders.csv": csv(f"{HEADER},Buchungsschluessel", rows)}, right(returns=len(back), asks=("Rückgabe",))


def unnamed_currency() -> tuple[Files, Right]:
    """Currencies in a column of another name."""
    kept = [line for line in LINES if line.order % 3]
    rows = [f"{row},{'CHF' if line.order % 3 else 'EUR'}" for row, line in zip(rows_of(LINES), LINES, strict=True)]
    found = right(kept, skipped={"other_currency": len(LINES) - len(kept)}, asks=("never added up",))
    return {"orders.csv": csv(f"{HEADER},Cur.", rows)}, found


def rate_by_arithmetic() -> tuple[Files, Right]:
    """A discount that only arithmetic shows to be a share of the price."""
    off = {line.order: (line.order % 4) * 5 for line in LINES}
    totals = [round(line.amount * (1 - off[line.order] / 100), 2) for line in LINES]
    rows = [
        f"{row},{off[line.order]},{total:.2f}" for row, line, total in zip(rows_of(LINES), LINES, totals, strict=True)
    ]
    found = right()
    less = round(sum(line.amount * off[line.order] / 100 for line in LINES), 2)
    changed = {"amount": round(sum(totals), 2), "discount": less}
    return {"orders.csv": csv(f"{HEADER},discount,line_total", rows)}, Right(**{**found.__dict__, **changed})


def line_ids() -> tuple[Files, Right]:
    """An id of the line that could pass for that of the product."""
    rows = [
        f"{line.order},{line.when},{line.customer},{9000 + n},{700 + line.product},Lamp {line.product},"
        f"{line.pieces},{line.amount}"
        for n, line in enumerate(LINES)
    ]
    header = "order_id,order_date,customer_id,item_id,item_product_id,item_name,item_quantity,item_total"
    columns: dict[tuple[TableName, str], str] = {("transactions", "product_id"): "item_product_id"}
    return {"orders.csv": csv(header, rows)}, right(columns=columns)


def price_of_the_line() -> tuple[Files, Right]:
    """A price that is what the line came to, as products sold in several numbers show."""
    rows = [
        f"304-{line.order}\t{line.when}+00:00\tx{line.customer}@example.com\tAZ-{line.product}\t{line.pieces}\t"
        f"EUR\t{line.amount}"
        for line in LINES
    ]
    header = "order-id\tpurchase-date\tbuyer-email\tsku\tquantity-purchased\tcurrency\titem-price"
    return {"orders.txt": csv(header, rows)}, right()


def numbers_again() -> tuple[Files, Right]:
    """Numbers of receipts that begin again in each store."""
    rows = [
        f"C{line.customer},{line.order // 4},S{line.order % 4},{line.when},P{line.product},{line.pieces},{line.price}"
        for line in LINES
    ]
    found = right(asks=("the numbers begin again",))
    found.columns["transactions", "order_id"] = 'concat_ws(\' \', "store", "receipt_no")'
    return {"sales.csv": csv("customer_no,receipt_no,store,order_date,sku,qty,unit_price", rows)}, found


def french() -> tuple[Files, Right]:
    """French names with accents, decimal commas."""
    rows = [
        f"{2000 + line.order};{line.moment:%d/%m/%Y};CL{line.customer};AR{line.product};Lampe {line.product};"
        + f"{line.pieces};{line.price:.2f};{line.amount:.2f}".replace(".", ",")
        for line in LINES
    ]
    header = "N° commande;Date commande;Code client;Référence article;Désignation;Quantité;Prix unitaire HT;Montant HT"
    return {"ventes.csv": csv(header, rows)}, right()


def reserved_names() -> tuple[Files, Right]:
    """Files that are called like words of SQL, or like our own tables."""
    files, found = headers_and_lines()
    return {"all.csv": files["lines.csv"], "order.csv": files["orders.csv"]}, Right(
        **{**found.__dict__, "moments": None}
    )


def spelled_ids() -> tuple[Files, Right]:
    """Customers whose id is written in several ways."""
    ways = ("C{}", "c{}", " C{} ", "C {}")
    named = [(ways[line.order % 4].format(1000 + line.customer), line) for line in LINES]
    rows = [f"{name},O{line.order},P{line.product},{line.when},{line.pieces},{line.price}" for name, line in named]
    found = right(asks=("are written in several ways",), columns={("transactions", "customer_id"): 'id("customer_no")'})
    return {"orders.csv": csv("customer_no,order_no,sku,order_date,qty,unit_price", rows)}, found


#: Every case, by what it shows. Each must come in right as `encore init` writes it.
CASES: dict[str, Callable[[], tuple[Files, Right]]] = {
    "Shopify": shopify,
    "Shopify without cancelled orders": lambda: shopify(cancelled=False),
    "Square": square,
    "Square with refunds": refunds_of_square,
    "UCI Online Retail": uci,
    "Olist": olist,
    "words for nothing": null_words,
    "ids in several spellings": spelled_ids,
    "short years": short_years,
    "kinds of files in a zip": zip_of_kinds,
    "staff": staff,
    "a log of events": event_log,
    "states in other words": states_of_their_own,
    "returns by a word": returns_by_word,
    "currencies without a name": unnamed_currency,
    "a rate by arithmetic": rate_by_arithmetic,
    "ids of lines": line_ids,
    "a price of the line": price_of_the_line,
    "numbers that begin again": numbers_again,
    "French": french,
    "files with reserved names": reserved_names,
    "sister files with other dates": sister_dates,
    "workbook": workbook,
    "numbered lines in exports that overlap": numbered_lines,
    "equal lines of an order": equal_lines,
    "Navision in one file": navision,
    "Navision in two files": lambda: navision(one_file=False),
    "fees as lines": order_level_lines,
    "headers and lines": headers_and_lines,
    "dates turned by a spreadsheet": turned_dates,
    "the order's total on every line": lambda: order_totals(on_every_line=True),
    "the order's total on its first line": lambda: order_totals(on_every_line=False),
    "totals and no price": only_totals,
    "a price called amount": unit_price_as_amount,
    "two currencies": currencies,
    "an unfamiliar customer": unfamiliar,
    "a school": courses,
    "WooCommerce": woocommerce,
    "Taobao": taobao,
    "JD": jingdong,
    "HubSpot": hubspot,
    "Stripe": stripe,
}
