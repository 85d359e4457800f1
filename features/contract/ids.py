"""What the id of a customer, an order, a product or an event may be."""

from typing import Annotated

from pydantic import Field

#: 1 to 200 characters, none of them a control character.
Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]

#: A number as a spreadsheet shows a long one, whose last digits are lost; other rows may have the same text.
SCIENTIFIC = r"\d(\.\d+)?E\+\d+"
