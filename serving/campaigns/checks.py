"""The checks of a report in the reader's language: whether its differences can be believed."""

from collections.abc import Callable

from serving.explain.wording import Writer
from training.effects.findings import Check


def check_text(writer: Writer, check: Check, title: Callable[[str], str] = str) -> str:
    """Write what a check has found, by the texts `effect_check.<name>.<case>`.

    Parameters
    ----------
    title
        Returns what an action is called.
    """
    arms = [
        writer.say(
            "effect_check.arm", arm=_arm(name, writer, title), n=writer.number(count), expected=writer.number(expected)
        )
        for name, (count, expected) in check.counts.items()
    ]
    figures = {
        name: writer.percent(value) if name in {"share", "arms"} or _is_share(check, name) else writer.number(value)
        for name, value in check.figures.items()
    }
    figures["numbers"] = writer.say("list.and").join(arms)
    # every text takes what it needs of these
    return writer.say(f"effect_check.{check.name}.{check.case}", **figures)


def _arm(name: str, writer: Writer, title: Callable[[str], str]) -> str:
    key = f"effect_check.{name or 'nobody'}"
    return writer.say(key) if name in {"", "holdout"} else writer.quoted(title(name))


def _is_share(check: Check, figure: str) -> bool:
    """Return whether the figure `holdout`, a number of one check, is a share."""
    return check.name == "other_campaigns" and figure == "holdout"
