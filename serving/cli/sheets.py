"""Plain tables of results, as the terminal shows them."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from training.evaluation.sheet import Sheet


def print_sheets(console: Console, sheets: Iterable[Sheet]) -> None:
    """Print tables one after the other, the notes of each below it."""
    for sheet in sheets:
        table = Table(*(escape(column) for column in sheet.columns), title=escape(sheet.title) or None)
        for row in sheet.rows:
            table.add_row(*(escape(cell) for cell in row))
        console.print(table)
        for note in sheet.notes:
            console.print(f"  {note}", markup=False, soft_wrap=True)
