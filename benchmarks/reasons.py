"""Measure the reasons on businesses of different rhythms, and on what `encore demo` left where it left something.

Each business is generated, and fitted, in a folder that is deleted afterwards.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from core.errors import EncoreError
from serving.explain.fidelity import evaluate_reasons
from serving.settings import load_settings
from tests.conftest import inside
from tests.rhythms import BUSINESSES, fit_churn


def main() -> None:
    """Run and print."""
    table = Table(
        *("business", "fidelity", "compared", "usual", "contradicting", "over 140", "grade", "unexplained"),
        *("customers", "reasons"),
        title="Reasons",
        caption="usual: alarms about what is usual; contradicting: customers with contradicting actions; over 140: "
        "texts of more characters, in both languages; unexplained: the median customer's share without a sentence",
    )
    for name, write in BUSINESSES.items():
        with TemporaryDirectory() as folder:
            write(Path(folder))
            with inside(Path(folder)):
                table.add_row(name, *_row(evaluate_reasons(fit_churn())))
    try:
        table.add_row("demo", *_row(evaluate_reasons(load_settings())))
    except EncoreError as error:
        table.caption = f"{table.caption}. Without the demo: {error}"
    Console(width=120).print(table)


def _row(evaluation: Mapping[str, Any]) -> list[str]:
    readable = evaluation["readable"]
    return [
        f"{evaluation['direction_agreement']['value']:.1%}",
        f"{readable['compared']:.1%}",
        f"{readable['alarms_about_the_usual']}",
        f"{evaluation['actions']['contradicting']}",
        f"{sum(texts['too_long'] for texts in evaluation['length'].values())}",
        f"{evaluation['reading_grade']['flesch_kincaid']:.1f}",
        f"{evaluation['unexplained']['median_share']:.0%}",
        f"{evaluation['protocol']['customers']:,}",
        f"{readable['reasons']:,}",
    ]


if __name__ == "__main__":
    main()
