"""The shop's exports with the faults that users of such systems report."""

from dataclasses import replace
from datetime import datetime
from io import BytesIO
from zipfile import ZipFile

from openpyxl import Workbook

from features.contract.tables import TableName
from tests.features.ingest.suggest.shop import HEADER, LINES, Files, Right, by_order, csv, right, rows_of


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
        files[f"store-{store}.csv"] = csv(HEADER, rows)
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
    return {"orders.csv": csv(HEADER, rows)}, right(lines, asks=asks)


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
    asks = ("a spreadsheet has read", "Discount %")
    less = replace(found, discount=off, amount=round(found.amount - off, 2), asks=asks)
    return {"orders.xlsx": target.getvalue()}, less


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
    less = round(sum(line.amount * off[line.order] / 100 for line in LINES), 2)
    found = replace(right(), amount=round(sum(totals), 2), discount=less)
    return {"orders.csv": csv(f"{HEADER},discount,line_total", rows)}, found


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
    return {"all.csv": files["lines.csv"], "order.csv": files["orders.csv"]}, replace(found, moments=None)


def spelled_ids() -> tuple[Files, Right]:
    """Customers whose id is written in several ways."""
    ways = ("C{}", "c{}", " C{} ", "C {}")
    named = [(ways[line.order % 4].format(1000 + line.customer), line) for line in LINES]
    rows = [f"{name},O{line.order},P{line.product},{line.when},{line.pieces},{line.price}" for name, line in named]
    found = right(asks=("are written in several ways",), columns={("transactions", "customer_id"): 'id("customer_no")'})
    return {"orders.csv": csv(HEADER, rows)}, found
