"""Inputs of what is known beside the sales."""

from collections.abc import Mapping

from core.sql import identifier
from features.contract.events import interaction_kinds
from features.ingest.suggest.inputs import plain_input
from features.ingest.suggest.names import is_sensitive
from features.ingest.suggest.profile import Profile
from features.ingest.suggest.sources import Source
from features.ingest.suggest.suggestions import Input, Mapped, Proposal


def products_input(source: Source, found: Mapping[str, Profile]) -> Input:
    """Map what is known of products; rows that name none are set aside."""
    one = plain_input(source, "products", found)
    if "type" not in found and "category" in found:
        one.columns.append(Mapped("type", found["category"].name, "no finer column; offers of types need one"))
    identity = found["product_id"]
    blank = f"nullif(trim({identifier(identity.name)}), '') IS NULL"
    if identity.filled < 1:
        one.skip.append(("unnamed", blank, f"{1 - identity.filled:.1%} of the rows"))
    return one


def customers_input(
    source: Source, found: dict[str, Profile], profiles: Mapping[str, Profile], proposal: Proposal
) -> Input:
    """Map what is known of customers; what could be attributes of them, and what should not, goes to the proposal."""
    one = plain_input(source, "customers", found)
    taken = {mapped.expression for mapped in one.columns}
    for name, profile in profiles.items():
        if name not in taken and is_sensitive(name):
            proposal.excluded.append(name)
        elif name not in taken and 2 <= profile.distinct <= 50 and profile.filled > 0.5:
            proposal.attributes.append(name)
    return one


def interactions_input(source: Source, found: Mapping[str, Profile]) -> Input:
    """Map what happened between customers and the company."""
    one = plain_input(source, "interactions", found)
    kinds = interaction_kinds()
    listed = ", ".join(sorted(kinds))
    if "kind" not in found:
        one.columns.append(Mapped("kind", "'visit'", "no column says what happened"))
        one.questions.append(f"What are these events? 'visit' is taken; Encore knows {listed}.")
    elif not set(found["kind"].examples) <= set(kinds):
        one.questions.append(
            f"{found['kind'].name} has values such as {', '.join(found['kind'].examples)}; features are made of "
            f"{listed}. Translate them with CASE … WHEN … THEN … END."
        )
    return one
