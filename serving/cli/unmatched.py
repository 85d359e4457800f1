"""Warnings of commands about facts and rules whose products do not occur in the data."""

from collections.abc import Sequence

from core.errors import ConfigError
from features.contract.unmatched import Unmatched
from serving.cli.context import Context


def print_unmatched(context: Context, found: Sequence[Unmatched]) -> None:
    """Print a warning for each, and for what the rules of offers name."""
    try:
        texts = [one.text for one in [*found, *_of_rules(context)]]
    except ConfigError as error:  # the command has done its work, and the API says so too
        texts = [*(one.text for one in found), str(error)]
    for text in texts:
        context.console.print(f"  Warning: {text}", markup=False, soft_wrap=True)


def _of_rules(context: Context) -> list[Unmatched]:
    # pandas takes a second to import, and most configurations have no rules
    from serving.settings import ServingSettings  # noqa: PLC0415
    from training.next_product.settings import NextProductSettings  # noqa: PLC0415

    path = context.settings[ServingSettings].rules
    if path is None and not context.settings[NextProductSettings].upsell.upgrades:
        return []
    from training.next_product.offers.rules import load_rules  # noqa: PLC0415
    from training.next_product.offers.unknown import unknown_products  # noqa: PLC0415

    return unknown_products(context.settings, load_rules(path))
