"""Groups with a command for every model of the registry, so that a new model has its commands at once."""

from collections.abc import Callable
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

from serving.cli.options import group
from training.registry import MODELS, Registered


class ModelGroup(TyperGroup):
    """A group of commands that are the same for every model; its own come after them.

    The types of its methods are those of the Click inside Typer.

    Attributes
    ----------
    help_of
        The help of the command of a model: a format with `title` and `help`.
    """

    help_of: ClassVar[str]

    @staticmethod
    def declare(registered: Registered) -> Callable[..., None]:
        """Return the command of a model, as a function that Typer reads options from."""
        raise NotImplementedError

    @classmethod
    def takes(cls, registered: Registered) -> bool:  # noqa: ARG003 - what others need
        """Return whether a model has a command in this group."""
        return True

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401
        """Return the names of all commands."""
        return [*(model.command for model in MODELS if self.takes(model)), *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        """Return the command of a model, or one of the group's own."""
        for model in MODELS:
            if model.command == cmd_name and self.takes(model):
                single = group()
                text = self.help_of.format(title=model.title, help=model.help)
                single.command(cmd_name, help=text)(self.declare(model))
                return typer.main.get_command(single)
        return super().get_command(ctx, cmd_name)
