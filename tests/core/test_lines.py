"""The line of a key in a TOML file."""

import pytest

from core.settings.lines import line_of

TEXT = """\
threads = 2

[data]
source = "files"
[data.keys]
transactions = ["*"]
[[data.inputs]]
table = "transactions"
[data.inputs.skip]
guest = "a"
[[data.inputs]]
table = "products"
"path" = "x.csv"
[data.inputs.skip]
guest = "b"
"""


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("threads",), 1),
        (("data",), 3),
        (("data", "source"), 4),
        (("data", "keys", "transactions", "0"), 6),
        (("data", "inputs", "0", "table"), 8),
        (("data", "inputs", "0", "skip", "guest"), 10),
        (("data", "inputs", "1"), 11),
        (("data", "inputs", "1", "path"), 13),
        (("data", "inputs", "1", "skip", "guest", "[key]"), 15),
        (("data", "inputs", "1", "columns", "x"), 11),
        (("serving", "port"), None),
    ],
)
def test_a_key_is_found_by_its_line(location: tuple[str, ...], line: int | None) -> None:
    assert line_of(TEXT, location) == line
