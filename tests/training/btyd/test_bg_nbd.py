"""BG/NBD against published figures of CDNOW and what it should say of single customers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.btyd.bg_nbd import BgNbd, fit_bg_nbd


def test_bg_nbd_finds_the_published_estimates() -> None:
    """Fader, Hardie and Lee (2005), table 2: r 0.243, alpha 4.414, a 0.793, b 2.426 on 2,357 customers of CDNOW.

    `cdnow.csv` counts these customers, whose data the authors published with the paper: purchases after the first, and
    days from the first purchase to the last one and to the end of the calibration period.
    """
    counts = pd.read_csv(Path(__file__).with_name("cdnow.csv"))
    cdnow = counts.loc[counts.index.repeat(counts["customers"])]
    assert (len(cdnow), (cdnow["repeats"] == 0).sum()) == (2357, 1411)
    repeats, last, age = (cdnow[name].to_numpy("float64") for name in ("repeats", "last_purchase_day", "age_days"))
    model = fit_bg_nbd(repeats, last / 7, age / 7)
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx((0.243, 4.414, 0.793, 2.426), abs=6e-4)


def test_bg_nbd_says_what_it_should_of_three_customers() -> None:
    model = BgNbd(0.243, 4.414, 0.793, 2.426)
    repeats, last, age = np.array([0.0, 5.0, 5.0]), np.array([0.0, 38.0, 5.0]), np.array([38.0, 38.0, 38.0])
    alive = model.alive(repeats, last, age)
    assert alive[0] == 1.0
    assert alive[1] > 0.8
    assert alive[2] < 0.1
    silent = model.silent(repeats, last, age, 4.0)
    assert silent[1] < silent[2]
    assert model.silent(repeats, last, age, 0.0) == pytest.approx(1.0)
