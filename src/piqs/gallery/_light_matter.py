"""An ensemble and a cavity mode, coupled through rotating and counter-rotating terms."""

from __future__ import annotations

from qutip import destroy

from piqs.equations import Channel
from piqs.models.composite import Composite
from piqs.models.dicke import Dicke
from piqs.models.mode import Mode
from piqs.operators.spin import jspin


def light_matter(
    atoms: Dicke,
    cavity: Mode,
    rotating: float,
    counter: float = 0.0,
    drive: float = 0.0,
    gain: float = 0.0,
    threshold: float = 1e-4,
) -> Composite:
    r"""An ensemble in a cavity, with the parts "atoms" and "cavity".

    .. math:: H = H_\mathrm{atoms} + H_\mathrm{cavity} + g(J_+a + J_-a^\dagger) + g'(J_-a + J_+a^\dagger)
              + \eta(a + a^\dagger), \qquad w\,\mathcal{D}[a^\dagger]

    Parameters
    ----------
    atoms, cavity : Dicke, Mode
        The parts, with their own Hamiltonians and noise.
    rotating, counter : float
        g and g'.
    drive : float, default 0
        Coherent drive of the mode :math:`\eta`.
    gain : float, default 0
        Incoherent pumping of the mode w.
    threshold : float, default 1e-4
        Population of the highest Fock state that warns; 1 where the cut-off is part of the model.
    """
    system = Composite(atoms=atoms, cavity=cavity, threshold=threshold)
    a = system.embed("cavity", destroy(cavity.n_fock))
    raising = system.embed("atoms", jspin(atoms.N, "+"))
    half = rotating * raising @ a + counter * raising @ a.dag() + drive * a
    system.interaction = half + half.dag()
    if gain:
        system.common_jumps = [Channel("cavity.pump", gain, a.dag(), symbol=r"a^\dagger")]
    return system
