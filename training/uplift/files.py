"""The models of actions as files: each booster once, however many ensembles it is a part of."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightgbm as lgb

from training.evaluation.bootstrap import Estimate
from training.lifecycle.booster import load_booster, save_booster
from training.uplift.action import ActionModel
from training.uplift.learners import Ensemble, Part
from training.uplift.tenths import Tenths


class Boosters:
    """Numbered boosters in a folder.

    Attributes
    ----------
    checksums
        Of their files, by number.
    """

    def __init__(self, directory: Path, checksums: Mapping[str, str] | None = None) -> None:
        self.checksums = dict(checksums or {})
        self._directory = directory
        self._numbers: dict[int, str] = {}
        self._read: dict[str, lgb.Booster] = {}

    def write(self, booster: lgb.Booster) -> str:
        """Write a booster, where it was not written yet, and return its number."""
        if id(booster) not in self._numbers:
            number = f"trees-{len(self._numbers)}"
            (self._directory / number).mkdir()
            self.checksums[number] = save_booster(booster, self._directory / number)
            self._numbers[id(booster)] = number
        return self._numbers[id(booster)]

    def read(self, number: str) -> lgb.Booster:
        """Read a booster by its number, once.

        Raises
        ------
        StateError
            If its file differs from the one that was written.
        """
        if number not in self._read:
            self._read[number] = load_booster(self._directory / number, self.checksums[number])
        return self._read[number]


def write_action(one: ActionModel, boosters: Boosters) -> dict[str, Any]:
    """Write the boosters of an action, and return everything else as plain values."""
    return {
        "action": one.action,
        "learner": one.learner,
        "folds": one.folds,
        "base": _written(one.base, boosters),
        "lift": _written(one.lift, boosters),
        "revenue": _written(one.revenue, boosters) if one.revenue else None,
        "qini": {learner: asdict(estimate) for learner, estimate in one.qini.items()},
        "tenths": asdict(one.tenths),
        "accepted": one.accepted,
    }


def read_action(meta: Mapping[str, Any], boosters: Boosters) -> ActionModel:
    """Read what `write_action` wrote."""
    return ActionModel(
        action=meta["action"],
        learner=meta["learner"],
        folds=meta["folds"],
        base=_ensemble(meta["base"], boosters),
        lift=_ensemble(meta["lift"], boosters),
        revenue=_ensemble(meta["revenue"], boosters) if meta["revenue"] else None,
        qini={learner: Estimate(**estimate) for learner, estimate in meta["qini"].items()},
        tenths=Tenths(**{name: tuple(values) for name, values in meta["tenths"].items()}),
        accepted=meta["accepted"],
    )


def _written(ensemble: Ensemble, boosters: Boosters) -> dict[str, Any]:
    parts = [
        {"without": part.without, "boosters": [boosters.write(one) for one in part.boosters]} for part in ensemble.parts
    ]
    return {"formula": ensemble.formula, "parts": parts}


def _ensemble(meta: Mapping[str, Any], boosters: Boosters) -> Ensemble:
    parts = [
        Part(tuple(part["without"]), tuple(boosters.read(one) for one in part["boosters"])) for part in meta["parts"]
    ]
    return Ensemble(meta["formula"], tuple(parts))
