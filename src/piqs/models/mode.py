"""A mode of the light field, or any other harmonic oscillator."""

from __future__ import annotations

from typing import Any

from qutip import Qobj, destroy, num

from piqs._checks import finite, rate
from piqs.equations import Channel, MasterEquation
from piqs.models.base import Model
from piqs.spaces import FockSpace

__all__ = ["Mode"]


class Mode(Model):
    r"""A harmonic mode cut off at a number of Fock states, with thermal loss.

    .. math:: H = \omega a^\dagger a, \qquad \kappa(1+\bar n)\,\mathcal{D}[a] + \kappa\bar n\,\mathcal{D}[a^\dagger]

    Parameters
    ----------
    n_fock : int
        Number of Fock states kept, at least 2; the highest holds n_fock - 1 photons.
    frequency : float
        :math:`\omega`. Default 0.
    loss : float or callable
        :math:`\kappa`, in inverse time; a function of t where it depends on time. Default 0.
    occupation : float
        Mean thermal photon number :math:`\bar n` of the bath. Default 0.

    Raises
    ------
    ValueError
        For fewer than 2 states or a negative rate or occupation.

    Examples
    --------
    >>> from piqs import Mode
    >>> len(Mode(5, loss=1.0, occupation=0.1).jump_operators())
    2
    """

    def __init__(self, n_fock: int, frequency: float = 0.0, loss: Any = 0.0, occupation: float = 0.0) -> None:
        if isinstance(n_fock, bool) or finite(n_fock, "n_fock") % 1 or n_fock < 2:
            raise ValueError(f"n_fock must be a whole number of at least 2 Fock states, got {n_fock!r}")
        self.n_fock = int(n_fock)
        self.frequency = finite(frequency, "frequency")
        self.loss: Any = loss if callable(loss) else rate(loss, "loss")
        self.occupation = rate(occupation, "occupation")

    @property
    def space(self) -> FockSpace:
        """The Fock states."""
        return FockSpace(self.n_fock)

    @property
    def hamiltonian(self) -> Qobj:
        """The mode's own Hamiltonian."""
        return self.frequency * num(self.n_fock, dtype="csr")

    def channels(self) -> list[Channel]:
        """Photon loss and, at finite occupation, gain."""
        a, nbar, kappa = destroy(self.n_fock, dtype="csr"), self.occupation, self.loss
        channels = []
        for name, factor, jump, symbol in (("loss", 1 + nbar, a, "a"), ("gain", nbar, a.dag(), r"a^\dagger")):
            if factor == 0 or (not callable(kappa) and kappa == 0):
                continue
            gamma = (lambda t, factor=factor: factor * kappa(t)) if callable(kappa) else factor * kappa
            channels.append(Channel(name, gamma, jump, symbol=symbol))
        return channels

    def equation(self, args: dict[str, Any] | None = None, tlist: Any = None) -> MasterEquation:
        """The master equation, with the channels "loss" and "gain"."""
        return MasterEquation(self.space, self.hamiltonian, self.channels(), args=args, tlist=tlist)

    def __repr__(self) -> str:
        loss = "loss(t)" if callable(self.loss) else f"loss {self.loss:g}"
        return f"Mode of {self.n_fock} Fock states, frequency {self.frequency:g}, {loss}, occupation {self.occupation:g}"
