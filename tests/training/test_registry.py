"""The registry is light, and says the truth about the models that it lists."""

import subprocess
import sys

import pytest

from training.model import TunableModel
from training.registry import MODELS, Registered


def test_the_registry_loads_no_library() -> None:
    heavy = "{'numpy', 'pandas', 'lightgbm', 'mlflow', 'feast', 'implicit', 'matplotlib'}"
    code = f"import sys, training.registry; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("registered", MODELS, ids=lambda registered: registered.name)
def test_an_entry_says_what_its_implementation_is(registered: Registered) -> None:
    model = registered.load()
    assert model.settings is registered.settings
    assert isinstance(model, TunableModel) == registered.tunes
    assert registered.implementation.startswith(model.room)
    assert registered.load_artifact() is model.artifact
    assert model.pyfunc.startswith(model.room)


def test_names_follow_from_the_section() -> None:
    (following,) = (registered for registered in MODELS if registered.name == "next_product")
    assert following.title == "next product"
    assert following.command == "next-product"
    assert following.registered_name == "encore-next-product"
