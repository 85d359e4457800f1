"""The pages: one file each; adding one is its file, one line here and one in the menu."""

from fastapi import APIRouter

from serving.console.pages import today

#: Every page.
PAGES: list[APIRouter] = [today.router]
