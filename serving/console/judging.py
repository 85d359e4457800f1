"""What analysts start from a page, by the functions of the command line: the gate, a roll-back, the data check."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from starlette.exceptions import HTTPException

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
    HTTPException
        If it cannot be asked.
    StoreError
        If a store does not answer, or a job runs that changes the data.
    """
    _check_installed("encore models promote")
    # explanations for the gate need packages of the extra
    from serving.explain.fidelity import inspect_reasons  # noqa: PLC0415

    with _job(visitor.state.settings[StoreSettings], "promotion in the console"):
        who = Who(visitor.name, why)
        return promote(registered.load(), visitor.state.settings, number, who, inspect_reasons)


def roll_back(visitor: Visitor, registered: Registered, number: str, why: str) -> None:
    """Let an earlier champion answer again; the log says who decided and why.

    Raises
    ------
    HTTPException
        If it cannot answer.
    StoreError
        If a store does not answer, or a job runs that changes the data.
    """
    settings = visitor.state.settings
    with _job(settings[StoreSettings], "roll-back in the console"):
        Champions(settings, clock=visitor.state.clock).roll_back(
            registered.registered_name, Who(visitor.name, why), number
        )


def check_data(visitor: Visitor) -> None:
    """Judge whether the data can carry each model, and keep what was found.

    Raises
    ------
    HTTPException
        If nothing was ingested yet.
    StoreError
        If a job runs that changes the data.
    """
    _check_installed("encore check-data")
    state = visitor.state
    with _job(state.settings[StoreSettings], "data check in the console"):
        check_and_keep(state.settings, state.clock(), [registered.load() for registered in MODELS])


@contextmanager
def _job(stores: StoreSettings, name: str) -> Iterator[None]:
    """Run a block as a job that reads the data; what does not fit the present state is a conflict."""
    try:
        with job(stores, name, alone=False):
            yield
    except StateError as error:
        raise HTTPException(409, str(error)) from error


def _check_installed(command: str) -> None:
    if not can_measure():
        problem = "This installation answers only: the packages that measure models are not installed."
        raise HTTPException(409, f"{problem} Run `{command}` where models are trained, or install the extra `train`.")
