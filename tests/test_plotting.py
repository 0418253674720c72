"""The public pictures: they draw the right numbers on the axes they are given, and touch no global state."""

import numpy as np
import pytest
import qutip
from matplotlib import pyplot
from matplotlib.figure import Figure

import piqs


@pytest.fixture
def ax():
    return Figure().subplots()


def test_dicke_triangle_colours_each_state_by_its_population(ax):
    rho = 0.25 * piqs.dicke(5, 1.5, 0.5) + 0.75 * piqs.css(5)
    assert piqs.plot_dicke_triangle(rho, ax) is ax
    (tiles,) = ax.collections
    assert np.allclose(tiles.get_array(), rho.diag().real, atol=1e-15)
    corner = tiles.get_paths()[piqs.ket_index(5, 1.5, 0.5)].vertices.min(axis=0)
    assert np.allclose(corner, (1.5 - 0.4, 0.5 - 0.4))


def test_a_ket_and_its_populations_give_the_same_triangle(ax):
    ket = piqs.css_ket(4)
    piqs.plot_dicke_triangle(ket, ax)
    piqs.plot_dicke_triangle(np.abs(ket.full().ravel()) ** 2, ax)
    first, second = ax.collections
    assert np.array_equal(first.get_array(), second.get_array())


def test_block_matrix_shows_real_values_and_outlines_the_ladders(ax):
    rho = piqs.css(4, np.sqrt(0.5), -np.sqrt(0.5))
    piqs.plot_block_matrix(rho, ax)
    assert np.allclose(ax.images[0].get_array(), rho.full().real, atol=1e-15)
    assert [patch.get_width() for patch in ax.patches] == [5, 3, 1]


def test_block_matrix_shows_the_modulus_of_complex_matrices(ax):
    rho = piqs.css(3, np.sqrt(0.5), 1j * np.sqrt(0.5))
    piqs.plot_block_matrix(rho, ax)
    assert np.allclose(ax.images[0].get_array(), np.abs(rho.full()), atol=1e-15)


def test_ladder_weights_of_the_maximally_mixed_state(ax):
    N = 6
    piqs.plot_ladder_populations(piqs.thermal(N, temperature=np.inf), ax)
    heights = [bar.get_height() for bar in ax.patches]
    # d_N^j (2j+1) / 2^N for j = 3, 2, 1, 0
    assert np.allclose(heights, np.array([7, 25, 27, 5]) / 64, atol=1e-15)


def test_without_axes_a_pyplot_figure_is_made():
    ax = piqs.plot_ladder_populations(piqs.ghz(3))
    assert pyplot.fignum_exists(ax.figure.number)
    pyplot.close(ax.figure)


def test_what_is_not_in_the_dicke_basis_is_refused(ax):
    for draw in (piqs.plot_dicke_triangle, piqs.plot_block_matrix, piqs.plot_ladder_populations):
        with pytest.raises(ValueError, match="Dicke basis"):
            draw(np.eye(5) / 5, ax)
    with pytest.raises(ValueError, match="square"):
        piqs.plot_block_matrix(np.ones((4, 6)), ax)


def test_ternary_diagram_holds_the_probabilities_of_the_numbers(ax):
    atoms = piqs.Ensemble(5, levels=("e", "g1", "g2"))
    rho = atoms.product([(np.diag([0.5, 0.3, 0.2]), 5)])
    assert piqs.plot_ternary(atoms, rho, ax) is ax
    (tiles,) = ax.collections
    values = dict(zip(map(tuple, np.unique(atoms.kets.occupations, axis=0)), tiles.get_array(), strict=True))
    assert values[2, 2, 1] == pytest.approx(30 * 0.5**2 * 0.3**2 * 0.2, abs=1e-14)
    assert sum(values.values()) == pytest.approx(1, abs=1e-14)
    corners = [tuple(path.vertices.mean(axis=0)) for path in tiles.get_paths()]
    assert max(y for _, y in corners) == pytest.approx(5 * np.sqrt(0.75), abs=0.2)
    assert [text.get_text() for text in ax.texts] == ["e", "g1", "g2"]


def test_ternary_diagram_of_one_irrep(ax):
    atoms = piqs.Ensemble(4, levels=3)
    piqs.plot_ternary(atoms, atoms.all_in("0"), ax, irrep=(4, 0, 0))
    assert ax.collections[0].get_array().max() == 1
    assert len(ax.collections[0].get_array()) == 15
    for call, text in (
        (lambda: piqs.plot_ternary(atoms, atoms.all_in("0"), ax, irrep=(4, 1, 0)), "Young"),
        (lambda: piqs.plot_ternary(atoms, piqs.excited(4), ax), "kets of the ensemble"),
        (lambda: piqs.plot_ternary(piqs.Ensemble(4), piqs.excited(4), ax), "three levels"),
    ):
        with pytest.raises(ValueError, match=text):
            call()


@pytest.mark.parametrize("projection", ["hammer", "mollweide", "3d"])
@pytest.mark.parametrize("distribution", ["wigner", "husimi", "p"])
def test_sphere_has_the_values_of_the_distribution(projection, distribution):
    ax = Figure().add_subplot(projection=projection)
    rho = piqs.css_ket(4, 1.0, 0.6, coordinates="polar")
    assert piqs.plot_sphere(rho, ax, distribution=distribution, points=24) is ax
    theta = (np.arange(24) + 0.5) * np.pi / 24
    phi = (np.arange(48) + 0.5) * np.pi / 24 - np.pi
    values = {"wigner": piqs.spin_wigner, "husimi": piqs.spin_husimi, "p": piqs.spin_p}[distribution](
        rho, theta, phi
    )
    if projection == "3d":
        (surface,) = ax.collections
        colours = pyplot.get_cmap("RdBu_r")((values / abs(values).max() + 1) / 2)
        assert np.allclose(np.sort(surface.get_facecolor(), axis=0), np.sort(colours.reshape(-1, 4), axis=0))
    else:
        (mesh,) = ax.collections
        assert np.allclose(mesh.get_array(), values.T)
        assert mesh.get_clim() == (-abs(values).max(), abs(values).max())
        # the brightest cell lies in the direction of the state
        row, column = np.unravel_index(np.argmax(mesh.get_array()), (24, 48))
        assert abs(theta[row] - 1.0) < 0.1
        assert abs(phi[column] - 0.6) < 0.1


def test_the_sphere_needs_axes_of_a_sphere(ax):
    with pytest.raises(ValueError, match="ax must have one of the projections"):
        piqs.plot_sphere(piqs.css(3), ax)
    with pytest.raises(ValueError, match="distribution must be one of"):
        piqs.plot_sphere(piqs.css(3), distribution="q")
    with pytest.raises(ValueError, match="points must be a whole number"):
        piqs.plot_sphere(piqs.css(3), points=1)


def test_mode_pictures(ax):
    x, p = np.linspace(-3, 3, 21), np.linspace(-2, 2, 11)
    state = qutip.tensor(piqs.ground_ket(2), qutip.coherent(12, 1.0))
    piqs.plot_mode_wigner(state, x, p, part=1, ax=ax)
    (mesh,) = ax.collections
    assert np.allclose(mesh.get_array(), qutip.wigner(qutip.coherent(12, 1.0), x, p))
    bars = piqs.plot_photon_numbers(state, 1, Figure().subplots()).patches
    assert np.allclose([bar.get_height() for bar in bars], abs(qutip.coherent(12, 1.0).full().ravel()) ** 2)


@pytest.fixture(scope="module")
def twisted():
    atoms = piqs.Dicke(6, piqs.jspin(6, "z") @ piqs.jspin(6, "z"), dephasing=0.1, emission=0.2)
    return atoms.mesolve(piqs.css(6), [0.0, 0.1, 0.2])


def frames(path):
    from PIL import Image

    with Image.open(path) as film:
        return film.n_frames


@pytest.mark.parametrize("projection", ["hammer", "3d"])
def test_film_of_the_sphere(twisted, tmp_path, projection):
    film = piqs.animate_sphere(twisted, tmp_path / "spin.gif", points=16, projection=projection)
    assert frames(tmp_path / "spin.gif") == 3
    ax = film._fig.axes[0]
    assert ax.get_title() == "$t=0.2$"
    if projection == "hammer":
        theta = (np.arange(16) + 0.5) * np.pi / 16
        phi = (np.arange(32) + 0.5) * np.pi / 16 - np.pi
        expected = piqs.spin_wigner(twisted.states[-1], theta, phi)
        assert np.allclose(ax.collections[0].get_array(), expected.T)


def test_film_of_the_triangle(twisted, tmp_path):
    film = piqs.animate_dicke_triangle(twisted, tmp_path / "triangle.gif")
    assert frames(tmp_path / "triangle.gif") == 3
    assert np.allclose(film._fig.axes[0].collections[0].get_array(), twisted.states[-1].diag().real)
    with pytest.raises(ValueError, match="fps must be a whole number"):
        piqs.animate_dicke_triangle(twisted, fps=0)
