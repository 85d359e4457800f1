"""What analysts start from a page, by the functions of the command line: the gate, a roll-back, the data check."""

from importlib.util import find_spec

from core.errors import StateError
from core.jobs import job
from core.settings import StoreSettings
from serving.console.visitors import Visitor
from training.lifecycle.champions import Champions
from training.lifecycle.promote import Promotion, promote
from training.lifecycle.promotions import Who
from training.readiness.kept import check_and_keep
from training.registry import MODELS, Registered

#: A package of the extra `train`, without which nothing can be measured.
_TRAINS = "matplotlib"


def can_measure() -> bool:
    """Tell whether this installation can ask the gate and check the data, for which it needs the extra `train`."""
    return find_spec(_TRAINS) is not None


def promote_version(visitor: Visitor, registered: Registered, number: str, why: str) -> Promotion:
    """Ask the gate about a version, and promote it where it passes; the log says who asked and why.

    Raises
    ------
    StateError, StoreError
        If it cannot be asked, or a job runs that changes the data.
    """
    _check_installed("encore models promote")
    # explanations for the gate need packages of the extra
    from serving.explain.fidelity import inspect_reasons  # noqa: PLC0415

    with job(visitor.state.settings[StoreSettings], "promotion in the console", alone=False):
        who = Who(visitor.name, why)
        return promote(registered.load(), visitor.state.settings, number, who, inspect_reasons)


def roll_back(visitor: Visitor, registered: Registered, number: str, why: str) -> None:
    """Let an earlier champion answer again; the log says who decided and why.

    Raises
    ------
    StateError, StoreError
        If it cannot answer, or a job runs that changes the data.
    """
    settings = visitor.state.settings
    with job(settings[StoreSettings], "roll-back in the console", alone=False):
        Champions(settings, clock=visitor.state.clock).roll_back(
            registered.registered_name, Who(visitor.name, why), number
        )


def check_data(visitor: Visitor) -> None:
    """Judge whether the data can carry each model, and keep what was found.

    Raises
    ------
    StateError, StoreError
        If nothing was ingested yet, or a job runs that changes the data.
    """
    _check_installed("encore check-data")
    state = visitor.state
    with job(state.settings[StoreSettings], "data check in the console", alone=False):
        check_and_keep(state.settings, state.clock(), [registered.load() for registered in MODELS])


def _check_installed(command: str) -> None:
    if not can_measure():
        raise StateError(
            "This installation answers only: what measures models is not installed.",
            f"Run `{command}` where models are trained, or install the extra `train`.",
        )
