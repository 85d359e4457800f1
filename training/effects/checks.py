"""Whether the differences of a report can be believed: ratio of the arms, contamination, other campaigns, looks."""

from collections.abc import Sequence

from scipy.special import chdtrc

from core.arrays import Ints, Rows
from training.effects.contamination import Shares
from training.effects.findings import ArmReport, Check
from training.effects.outcomes import Assigned
from training.effects.ratio import ALARM, sample_ratio

#: Up to this share of contacted customers in the holdout, a difference is smaller by no more than 1 % of itself.
_CONTAMINATED = 0.01


def ratio_check(assigned: Assigned, strata: Ints) -> Check:
    """Compare the numbers of customers by arm with the propensities."""
    found = sample_ratio(assigned.arms, assigned.propensity, strata)
    if found is None:
        text = "Not checked: propensities are not known, differ between customers, or expect fewer than 5 in an arm."
        return Check("sample_ratio", "not_checked", "not_checked", text)
    figures = {"p_value": found.p_value, "chi_square": found.chi_square, "degrees": float(found.degrees)}
    numbers = ", ".join(
        f"{name or 'no arm'}: {found.assigned[name]:,} assigned, {found.expected[name]:,.0f} expected"
        for name in found.expected
    )
    counts = {name: (found.assigned[name], found.expected[name]) for name in found.expected}
    if not found.alarm:
        text = f"Arms have the numbers they were drawn with ({numbers})."
        return Check("sample_ratio", "ok", "ok", text, figures, counts)
    text = f"Arms do not have the numbers they were drawn with ({numbers}); find out why before you believe anything."
    return Check("sample_ratio", "alarm", "alarm", text, figures, counts)


def contamination_check(assigned: Assigned, contacted: Rows | None) -> Check:
    """Count customers of the holdout whom the campaign contacted."""
    if contacted is None:
        return Check("contamination", "not_checked", "not_checked", "Not checked: contacts are not known.")
    shares = Shares.of(assigned, contacted)
    figures = {
        "contacted": float(shares.marked_controls),
        "holdout": float(shares.controls),
        "share": shares.holdout,
    }
    text = f"{shares.marked_controls:,} of {shares.controls:,} customers of the holdout were contacted."
    if shares.holdout <= _CONTAMINATED:
        return Check("contamination", "ok", "ok", text, figures)
    return Check(
        "contamination", "alarm", "alarm", f"{text} The true effect of a contact is larger than shown.", figures
    )


def others_check(assigned: Assigned, elsewhere: Rows | None) -> Check:
    """Count customers who are in other campaigns meanwhile; an alarm where arms and holdout differ."""
    if elsewhere is None:
        return Check("other_campaigns", "not_checked", "not_checked", "Not checked: other campaigns are not known.")
    shares = Shares.of(assigned, elsewhere)
    p_value = _of_equal_shares(shares)
    figures = {"arms": shares.arms, "holdout": shares.holdout, "p_value": p_value}
    text = f"{shares.arms:.1%} of the arms and {shares.holdout:.1%} of the holdout are in other campaigns meanwhile."
    if p_value >= ALARM:
        return Check("other_campaigns", "ok", "ok", text, figures)
    return Check(
        "other_campaigns", "alarm", "alarm", f"{text} The difference may be that of the other campaigns.", figures
    )


def _of_equal_shares(shares: Shares) -> float:
    """Return the p-value of two equal shares, by Pearson's chi-square; 1 where nobody, or everybody, is marked."""
    count, marked = shares.customers + shares.controls, shares.marked + shares.marked_controls
    if not 0 < marked < count or not shares.customers or not shares.controls:
        return 1.0
    share = marked / count
    variance = share * (1 - share) * (1 / shares.customers + 1 / shares.controls)
    return float(chdtrc(1, (shares.arms - shares.holdout) ** 2 / variance))


def looks_check(looks: int, arms: Sequence[ArmReport], *, final: bool) -> Check:
    """Say which intervals decide, and whether any verdict would be another one without regard to looks."""
    figures = {"looks": float(looks)}
    if final and not looks:
        return Check("looks", "ok", "once", "Made once, after the end: intervals of fixed size decide.", figures)
    why = "outcomes are still to come" if not final else f"the report was read {looks} times before the end"
    case = "looked" if final else "to_come"
    text = f"Intervals that stay valid at every look decide, as {why}."
    if not any(_only_fixed(arm) for arm in arms):
        return Check("looks", "ok", case, text, figures)
    text = f"{text} Some differences would be seen without regard to looks: wait."
    return Check("looks", "ok", f"{case}_wait", text, figures)


def _only_fixed(arm: ArmReport) -> bool:
    """Return whether a difference excludes 0 alone and at one look, and not by the interval that decides."""
    return any(one.judged and not one.sign and one.effect.low * one.effect.high > 0 for one in arm.found.values())
