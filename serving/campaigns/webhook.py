"""Exports that are posted: batches of contacts, each with a key by which the receiver knows it again."""

from collections.abc import Callable, Sequence
from datetime import datetime

import orjson

from core.errors import StoreError
from core.webhook import UndeliveredError, Webhook
from serving.campaigns.claims import ClaimStore
from serving.campaigns.export import row_of
from serving.campaigns.kept import Contact, Export

#: Returns those of some contacts that may still be made.
Still = Callable[[Export, Sequence[Contact]], Sequence[Contact]]


def deliver(claims: ClaimStore, export: Export, webhook: Webhook, now: datetime, still: Still) -> Export:
    """Post the batches of an export that were not acknowledged; returns the export as it is then.

    A batch keeps its key (header `Idempotency-Key`) however often it is posted, so that a receiver that had it, and
    whose answer was lost, contacts nobody twice. Each batch is posted a few times; where it does not arrive, those
    after it are not tried.

    Raises
    ------
    StoreError
        If a batch did not arrive; those before it have.
    """
    for batch in claims.undelivered(export.id):
        contacts = still(export, claims.contacts(export.id, batch))
        message = {
            "source": "encore",
            "campaign": export.campaign,
            "export": export.id,
            "batch": batch,
            "contacts": [row_of(export, one) for one in contacts],
        }
        try:
            webhook.post(orjson.dumps(message), {"Idempotency-Key": f"{export.id}-{batch}"})
        except UndeliveredError as error:
            done = claims.export(export.campaign, export.id)
            raise StoreError(
                f"{done.delivered} of {done.batches} batches of the export {export.id} arrived at the {webhook.name}; "
                f"of the next one, {error}.",
                "Send the export again when it is available: what has arrived is not sent again.",
            ) from error
        claims.delivered(export.id, batch, now)
    return claims.export(export.campaign, export.id)
