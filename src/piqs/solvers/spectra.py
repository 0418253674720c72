"""Emission spectra from the resolvent of the reduced generator, and from sampled correlation functions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp

from piqs._checks import choice, flag
from piqs._checks import matrix as matrix_of
from piqs._checks import times as sorted_numbers
from piqs._interrupts import bringing
from piqs.equations import MasterEquation, read
from piqs.errors import AccuracyWarning, NotExpressibleError
from piqs.linear.resolvent import Resolvent
from piqs.linear.shifted_blocks import sweeps_pay
from piqs.linear.two_level import blocks_of_kets
from piqs.liouville import reduce
from piqs.liouville.basis import coordinates
from piqs.solvers import handover
from piqs.solvers.progress import Progress
from piqs.solvers.regression import hermitian_parts
from piqs.solvers.steady_state import find_steady_state

__all__ = ["spectrum", "spectrum_correlation_fft"]

# Uncertainty, as a part of the largest response <A (i w - L)^-1 B>, that is worth a warning: far from a resonance the spectrum
# is a small part of the response.
_UNCERTAIN = 1e-6


@bringing()
def spectrum(
    H: Any,
    wlist: Any,
    c_ops: Any = None,
    a_op: Any = None,
    b_op: Any = None,
    solver: str = "es",
    coherent: bool = False,
    progress_bar: str = "",
    info: bool = False,
) -> Any:
    r"""Power spectrum of two operators in the steady state.

    .. math::
        S(\omega) = 2\,\mathrm{Re}\int_0^\infty \left[\langle A(\tau) B(0)\rangle - \langle A\rangle\langle B\rangle\right]
        e^{-i\omega\tau} d\tau, \qquad
        \int S(\omega) \frac{d\omega}{2\pi} = \mathrm{Re}\left[\langle AB\rangle - \langle A\rangle\langle B\rangle\right]

    The elastically scattered light, :math:`2\pi \mathrm{Re}(\langle A\rangle\langle B\rangle)\,\delta(\omega)`, is not in
    these numbers; ``coherent=True`` returns its weight beside them.

    Parameters
    ----------
    H : model, MasterEquation or Qobj
        A model; or a Hamiltonian or Liouvillian superoperator, constant in time.
    wlist : array_like (W,)
        Angular frequencies, not decreasing, in inverse time.
    c_ops : list of Qobj, optional
        Collapse operators; none where H is a model.
    a_op, b_op : Qobj
        A and B; for an emission spectrum :math:`B = A^\dagger` is the lowering operator. With these signs light of frequency
        :math:`\omega_0` appears at :math:`\omega = \omega_0`.
    solver : {"es", "pi", "solve"}, default "es"
        QuTiP's names; all lead to the same solution, by a few sparse factorisations of the reduced generator, or of the sets of
        kets between which there is no coherence (the ladders of a driven ensemble) and sweeps over them. Residuals of 1e-10
        are checked at every frequency.
    coherent : bool, default False
        Also return :math:`2\pi\,\mathrm{Re}(\langle A\rangle\langle B\rangle)`.
    progress_bar : {"", "text", "enhanced", "tqdm", "html"}
        Which of QuTiP's bars shows how many of the frequencies are found. None by default.
    info : bool, default False
        Also return a dictionary: "error estimate", for each frequency what the residual and the error of the steady state
        change S by, found from the adjoint solutions; "factorisations", and "sweeps" over sets of kets.

    Returns
    -------
    ndarray of float64, shape (W,)
        S, in the unit of AB times time; with ``coherent`` followed by the weight of the delta function, with ``info`` by the
        dictionary.

    Warns
    -----
    AccuracyWarning
        If the error estimate at some frequency exceeds 1e-6 of the largest value of S.

    Raises
    ------
    TypeError, ValueError
        For frequencies that are unsorted or NaN and operators of other dims, naming them.
    SteadyStateError
        (a ValueError) if the steady state is not unique.
    ResolventError
        (a RuntimeError) if an oscillation at one of the frequencies does not decay.

    Examples
    --------
    An atom driven at ten times its linewidth: at the centre of the Mollow triplet about 1/gamma, and hardly any elastic
    scattering.

    >>> import numpy as np
    >>> import qutip
    >>> from piqs import spectrum
    >>> sm = qutip.sigmam()
    >>> H, w = 5 * qutip.sigmax(), [-10.0, 0.0, 10.0]
    >>> S, elastic = spectrum(H, w, [sm], sm.dag(), sm, coherent=True)
    >>> np.round(S, 2).tolist(), round(elastic, 3)
    ([0.33, 1.0, 0.33], 0.016)
    """
    choice(solver, "solver", ("es", "pi", "solve"))
    flag(coherent, "coherent")
    flag(info, "info")
    frequencies = sorted_numbers(wlist, "wlist")
    try:
        equation = read(H, c_ops).require_constant("spectrum")
    except NotExpressibleError as reason:
        S, weight = handover.spectrum(reason, H, frequencies, c_ops, a_op, b_op, solver)
        return (S, weight) if coherent else S
    A = matrix_of(equation.operator(a_op, "a_op", constant=True), "a_op")
    B = matrix_of(equation.operator(b_op, "b_op", constant=True), "b_op")
    with Progress(progress_bar) as progress:
        steady, found = find_steady_state(equation)
        rho = matrix_of(steady, "the steady state")
        source = sp.csr_array(B @ rho)
        mean_a, mean_b = (A @ rho).trace(), source.trace()
        without_mean = sp.csr_array(source - mean_b * rho)
        values, errors, known = _resolvent(equation, A, without_mean, frequencies, progress)
    S = 2.0 * values.real
    # The error of the steady state enters through B and through the mean that is taken off.
    errors += known.pop("sensitivity") * (2.0 * _norm(B)) * found["error estimate"]
    known["error estimate"] = 2.0 * errors
    worst = int(np.argmax(errors))
    if not errors[worst] <= _UNCERTAIN * np.abs(values).max():
        warnings.warn(
            f"the spectrum is uncertain by {2.0 * errors[worst]:.1e} at frequency {frequencies[worst]:.6g}, where it is "
            f"{S[worst]:.6g}: an oscillation there hardly decays. Add the loss that damps it, or leave the frequency out",
            AccuracyWarning,
            stacklevel=3,
        )
    extra = [float(2.0 * np.pi * (mean_a * mean_b).real)] * coherent + [known] * info
    return (S, *extra) if extra else S


def _norm(matrix: sp.csr_array) -> float:
    """An upper bound on the largest singular value."""
    size = abs(matrix)
    return float(np.sqrt(size.sum(axis=0).max(initial=0.0) * size.sum(axis=1).max(initial=0.0)))


def _resolvent(
    equation: MasterEquation,
    A: sp.csr_array,
    source: sp.csr_array,
    frequencies: np.ndarray,
    progress: Progress,
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Tr[A (i omega - L)^-1 X] for an operator X without trace, its error, and figures of the solution."""
    read = np.unique(np.concatenate([coordinates(part)[0] for _, part in hermitian_parts(A)] or [_NO_KEYS]))
    parts = []
    for factor, part in hermitian_parts(source):
        generator = reduce(equation.lindbladian, coordinates(part)[0], read)
        if generator.n:
            parts.append((factor, generator, generator.pack(part)))
    if len(parts) == 2 and np.array_equal(parts[0][1].keys, parts[1][1].keys):
        # Both parts live on the same elements: one set of factorisations for both.
        groups = [(parts[0][1], [parts[0][0], parts[1][0]], np.column_stack([parts[0][2], parts[1][2]]))]
    else:
        groups = [(generator, [factor], x[:, None]) for factor, generator, x in parts]
    total = np.zeros(frequencies.size, dtype=complex)
    errors, sensitivity = np.zeros((2, frequencies.size))
    counts = np.zeros(2, dtype=int)
    for generator, factors, sources in groups:
        trace = generator.trace if generator.keeps_trace else None
        blocks = blocks_of_kets(generator.keys, generator.n_kets)
        swept = sweeps_pay(generator.matrix, blocks)
        resolvent = Resolvent(generator.matrix, sources, trace, blocks if swept else None)
        values, each, size = resolvent.values(generator.functional(A), frequencies, progress.part)
        total += values @ np.array(factors)
        errors += each.sum(axis=1)
        sensitivity = np.maximum(sensitivity, size)
        counts += resolvent.factorisations, resolvent.sweeps
    known = {"factorisations": int(counts[0]), "sweeps": int(counts[1]), "sensitivity": sensitivity}
    return total, errors, known


_NO_KEYS = np.zeros(0, dtype=np.int64)


def spectrum_correlation_fft(tlist: Any, y: Any, inverse: bool = False) -> tuple[np.ndarray, np.ndarray]:
    r"""Power spectrum of a sampled correlation function, by a fast Fourier transform.

    .. math:: S(\omega) = 2\, dt\, \mathrm{Re} \sum_n y_n e^{-i\omega t_n}

    Parameters
    ----------
    tlist : array_like (T,)
        Equally spaced times from 0.
    y : array_like (T,)
        Correlation function at these times. What does not decay, :math:`\langle A\rangle\langle B\rangle`, belongs to the
        coherent part: subtract it, or it appears as a peak as wide as one frequency step.
    inverse : bool, default False
        Use :math:`e^{+i\omega t}`.

    Returns
    -------
    w, S : ndarray of float64, shape (T,)
        Angular frequencies, ascending, and the spectrum.

    Raises
    ------
    ValueError
        If times are not equally spaced, fewer than two, NaN, or of another number than y.

    Examples
    --------
    A Lorentzian.

    >>> import numpy as np
    >>> from piqs import spectrum_correlation_fft
    >>> t = np.linspace(0, 40, 8001)
    >>> w, S = spectrum_correlation_fft(t, np.exp(-t))
    >>> bool(np.allclose(S, 2 / (1 + w**2), atol=0.01))
    True
    """
    times = sorted_numbers(tlist, "tlist")
    values = np.asarray(y)
    if values.dtype.kind not in "iufc":
        raise TypeError(f"y must hold numbers, got dtype {values.dtype}")
    if times.size < 2 or values.shape != times.shape:
        raise ValueError(
            f"y must hold one value for each of at least two times, got shapes {values.shape} and {times.shape}"
        )
    if not np.all(np.isfinite(values)):
        raise ValueError("y must be finite, got NaN or infinity in it")
    step = (times[-1] - times[0]) / (times.size - 1)
    if step == 0.0 or np.abs(np.diff(times) - step).max() > 1e-6 * step:
        raise ValueError("tlist must be equally spaced for a Fourier transform, as np.linspace makes it")
    transform = times.size * np.fft.ifft(values) if flag(inverse, "inverse") else np.fft.fft(values)
    w = 2.0 * np.pi * np.fft.fftfreq(times.size, step)
    return np.fft.fftshift(w), 2.0 * step * np.fft.fftshift(transform).real
