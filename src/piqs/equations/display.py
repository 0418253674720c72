"""A master equation as it is written on paper."""

from __future__ import annotations

from piqs.equations.channel import Channel
from piqs.equations.equation import MasterEquation

__all__ = ["latex"]


def latex(equation: MasterEquation) -> str:
    """The equation with its channels and rates, in LaTeX between dollar signs."""
    terms = []
    H = equation.hamiltonian
    if H.terms:
        terms.append(r"-i[H, \rho]" if H.is_constant else r"-i[H(t), \rho]")
    if equation.superoperator.terms:
        terms.append(r"\mathcal{L}\rho")
    terms += [_channel(channel) for channel in equation.channels]
    return r"$\displaystyle \dot\rho = " + (" + ".join(terms) or "0") + "$"


def _channel(channel: Channel) -> str:
    rate = r"\gamma(t)" if callable(channel.rate) else f"{channel.rate:g}"
    name = channel.name.replace("_", r"\ ")
    symbol = channel.symbol or rf"\text{{{name}}}"
    sum_n = r"\sum_n " if channel.one_body is not None and not channel.one_body.collective else ""
    return rf"{rate}\,{sum_n}\mathcal{{D}}[{symbol}]\rho"
