"""The pages: one file each; adding one is its file, one line here and one in the menu."""

from fastapi import APIRouter

from serving.console.pages import (
    campaigns,
    contact,
    customer,
    customers,
    data,
    models,
    segment,
    segment_builder,
    segments,
    today,
)

#: Every page.
PAGES: list[APIRouter] = [
    today.router,
    customers.router,
    customer.router,
    segments.router,
    segment_builder.router,
    segment.router,
    contact.router,
    campaigns.router,
    models.router,
    data.router,
]
