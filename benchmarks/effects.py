"""Decisions on shops with known effects: what a list by Encore brings of what an oracle's list brings.

python -m benchmarks.effects [--seeds 1 2 3 4 5 6] [--customers 20000] [--nothing 200]

Learns from one randomised campaign of a shop and chooses whom to call of as many fresh customers of another one, at a
budget for 20 % of them. The truth is only read to count what the lists bring. Then learns from campaigns without any
effect, and counts how many versions object to themselves, as the gate then refuses them.
"""

import argparse
from collections.abc import Sequence
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.training.uplift.shops import Shop, expected_gain
from training.uplift.diagnostic import diagnose
from training.uplift.evaluation import Evaluation, Subject
from training.uplift.fit import fit_action

#: Fresh customers are of other seeds than those that are learned from.
_FRESH = 9_000
#: Customers of a shop without an effect.
_SMALL = 2_000
_NOTHING_FROM = 5_000


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3, 4, 5, 6])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--nothing", type=int, default=200, help="Shops without an effect")
    given = parser.parse_args()
    console = Console(width=140)
    if given.seeds:
        known_effects(console, given.seeds, given.customers)
    if given.nothing:
        no_effect(console, given.nothing)


def known_effects(console: Console, seeds: Sequence[int], customers: int) -> None:
    """Show shares of an oracle's gain by seed, and whether intervals hold the truth."""
    table = Table("seed", "seconds", "learner", "Encore", "by lot", "by risk", "by risk x value", "true effect alone")
    for name in ("tenths held", "is risk right?"):
        table.add_column(name)
    shares, held = [], []
    for seed in seeds:
        shop, fresh = Shop(customers, seed), Shop(customers, seed + _FRESH)
        start = perf_counter()
        model = fit_action(shop.experiment, shop.inputs, shop.folds)
        seconds = perf_counter() - start
        answer = model.predict(fresh.inputs)
        shares.append(fresh.share_of_oracle(expected_gain(answer)))
        lot = np.random.default_rng(seed).random(customers)
        others = (lot, 1 - answer.base, (1 - answer.base) * answer.revenue, fresh.true_lift)
        places = model.tenths.places(answer.lift)
        means = np.array([fresh.true_lift[places == place].mean() for place in range(len(model.tenths.actual))])
        inside = (means >= model.tenths.low) & (means <= model.tenths.high)
        held.append(inside.mean())
        evaluation = Evaluation(shop.experiment.customers, (Subject(model, shop.experiment, shop.inputs),))
        cells = (shares[-1], *(fresh.share_of_oracle(values) for values in others))
        table.add_row(
            str(seed),
            f"{seconds:.0f}",
            model.learner,
            *(f"{share:.3f}" for share in cells),
            f"{inside.mean():.0%}",
            diagnose(evaluation, evaluation.main).verdict,
        )
    console.print(table)
    console.print(
        f"Encore: {np.mean(shares):.3f} on average, {min(shares):.3f} at least; wanted .84 and .80. "
        f"Intervals hold {np.mean(held):.0%} of the tenths."
    )


def no_effect(console: Console, runs: int) -> None:
    """Show how many versions object to themselves where a campaign has no effect."""
    refused = 0
    for seed in range(_NOTHING_FROM, _NOTHING_FROM + runs):
        shop = Shop(_SMALL, seed, effect=0.0)
        model = fit_action(shop.experiment, shop.inputs, shop.folds)
        evaluation = Evaluation(shop.experiment.customers, (Subject(model, shop.experiment, shop.inputs),))
        refused += evaluation.objection is not None
    console.print(f"Without an effect: {refused} of {runs} versions refused ({refused / runs:.1%}); wanted 95 %.")


if __name__ == "__main__":
    main()
