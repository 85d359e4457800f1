"""What the address of the list of customers asks for: read from it, and written into it again."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from serving.explain.fields import unit_of
from serving.overview.changes import AT_RISK
from serving.scoring.listing import Listing
from serving.scoring.part import Column
from serving.segments.finding import Wanted

PATH = "/console/customers"
#: The highest value at risk comes first.
SORT = "-value_at_risk"
SHOWN = ("risk", "reason_1", "amount", "value_at_risk", "stage", "best_action")
#: Texts that are chosen of a column, and characters of each.
_MOST_TEXTS, _LONGEST = 100, 200
_CURRENCIES = "$€£¥￥"


@dataclass(frozen=True)
class Filters:
    """What the address of the list asks for.

    Attributes
    ----------
    texts
        Of which columns of texts must have one.
    least, most
        Ends of numbers, both inclusive.
    sort
        A column of numbers or `customer_id`; with `-` before it in descending order.
    columns
        The columns that are shown.
    wrong
        What was typed and is no number, by parameter.
    """

    wanted: Wanted = field(default_factory=Wanted)
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    least: Mapping[str, float] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)
    sort: str = SORT
    columns: Sequence[str] = SHOWN
    wrong: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, query: QueryParams, columns: Sequence[Column]) -> "Filters":
        """Read an address; parameters that the list does not know are left out."""
        names = [column.name for column in columns]
        numbers = [column.name for column in columns if column.type == "number"]
        ends: dict[str, dict[str, float]] = {"min": {}, "max": {}}
        wrong: dict[str, str] = {}
        for name in numbers:
            for end, found in ends.items():
                typed = query.get(f"{end}_{name}", "").strip()[:_LONGEST]
                number = _number(typed, share=unit_of(name) == "percent")
                if number is not None:
                    found[name] = number
                elif typed:
                    wrong[f"{end}_{name}"] = typed
        texts = {column.name: _texts(query, column.name) for column in columns if column.type == "text"}
        sort, shown = query.get("sort", SORT), ",".join(query.getlist("columns")).split(",")
        return cls(
            Wanted(*(query.get(name, "").strip()[:_LONGEST] for name in ("q", "in", "segment"))),
            {name: chosen for name, chosen in texts.items() if chosen},
            ends["min"],
            ends["max"],
            sort if sort.removeprefix("-") in {"customer_id", *numbers} else SORT,
            tuple(name for name in dict.fromkeys((*SHOWN, *names)) if name in shown) or SHOWN,
            wrong,
        )

    @property
    def listing(self) -> Listing:
        """The rows that are asked for, but for search and segment."""
        name = self.sort.removeprefix("-")
        return Listing({}, self.least, self.most, name, self.sort.startswith("-"), one_of=self.texts)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the parameters of the address; those that ask for nothing special are left out."""
        found = [("q", self.wanted.text), ("in", self.wanted.within), ("segment", self.wanted.segment)]
        found += [(name, text) for name, texts in self.texts.items() for text in texts]
        for end, limits in (("min", self.least), ("max", self.most)):
            # a share above 1 is read as percent
            found += [(f"{end}_{name}", typed(name, n) if n > 1 else _plain(n)) for name, n in limits.items()]
        found += list(self.wrong.items())
        found.append(("sort", "" if self.sort == SORT else self.sort))
        found.append(("columns", "" if self.columns == SHOWN else ",".join(self.columns)))
        return [(name, text) for name, text in found if text]

    def address(self, path: str = PATH, **more: str) -> str:
        """Write an address."""
        pairs = [*self.pairs(), *more.items()]
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def without(self, parameter: str, text: str = "") -> "Filters":
        """Return the others of the filters.

        Parameters
        ----------
        text
            The one that is left out of the texts of a column.
        """
        if parameter == "q":
            return replace(self, wanted=replace(self.wanted, text="", within=""))
        if parameter == "segment":
            return replace(self, wanted=replace(self.wanted, segment=""))
        texts = {
            name: [one for one in chosen if (name, one) != (parameter, text)] for name, chosen in self.texts.items()
        }
        return replace(
            self,
            texts={name: chosen for name, chosen in texts.items() if chosen},
            least={name: number for name, number in self.least.items() if name != parameter},
            most={name: number for name, number in self.most.items() if name != parameter},
        )

    def sorted_by(self, name: str) -> str:
        """Return the address of the same rows in the order of a column; a second click turns the order."""
        first, second = (name, f"-{name}") if name == "customer_id" else (f"-{name}", name)
        return replace(self, sort=second if self.sort == first else first).address()

    def order(self, name: str) -> str | None:
        """Return how the rows are sorted by a column; None where they are by another."""
        if self.sort.removeprefix("-") != name:
            return None
        return "descending" if self.sort.startswith("-") else "ascending"


#: Who is at risk and worth keeping: whom the first page shows, in the same order.
WORTH_KEEPING = Filters(texts={"tier": list(AT_RISK)})


def of_action(name: str) -> Filters:
    """Return the customers whose best action it is, where it brings most first; the gain is a column."""
    columns = ("risk", "reason_1", "value_at_risk", "action_gain")
    return Filters(texts={"best_action": [name]}, sort="-action_gain", columns=columns)


def typed(name: str, number: float | None) -> str:
    """Write a number into a field; a share in percent."""
    if number is None:
        return ""
    return f"{_plain(100 * number)}%" if unit_of(name) == "percent" else _plain(number)


def _texts(query: QueryParams, name: str) -> list[str]:
    chosen = (text[:_LONGEST] for text in query.getlist(name) if text)
    return list(dict.fromkeys(chosen))[:_MOST_TEXTS]


def _number(text: str, *, share: bool) -> float | None:
    """Read a number as people type it: a share above 1 is in percent, with or without its sign."""
    percent = text.endswith(("%", "％"))
    try:
        number = float(text.rstrip("%％").replace(",", "").replace(" ", "").strip(_CURRENCIES))
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return number / 100 if percent or (share and abs(number) > 1) else number


def _plain(number: float) -> str:
    return f"{number:.12g}"
