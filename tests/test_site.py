"""The finished site in a real browser: `make docs` first; needs Chromium and the package playwright."""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest

SITE = Path(os.environ.get("PIQS_SITE", Path(__file__).parents[1] / "docs" / "_build" / "html"))
# The system's browser; without one, playwright's own.
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 375, "height": 700}

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (SITE / "index.html").exists(), reason="wants the site: make docs"),
]

# Everything but listings of source code.
PAGES = sorted(
    str(page.relative_to(SITE))
    for page in SITE.rglob("*.html")
    if "_modules" not in page.relative_to(SITE).parts
)
#: One of each kind.
KINDS = [
    "index.html",
    "live.html",
    "tutorials/detuned.html",
    "gallery/index.html",
    "gallery/fig08.html",
    "gallery/models/transition.html",
    "api.html",
    "api/topic-states.html",
    "api/class-Dicke.html",
    "api/mesolve.html",
    "guide/symbols.html",
    "differences.html",
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    """The site behind an address, since browsers let no page from a file read another."""
    handler = functools.partial(Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        try:
            running = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"wants Chromium: {error}")
        yield running
        running.close()


@pytest.fixture
def page(browser):
    """A page whose requests and errors are kept."""
    opened = browser.new_page(viewport=DESKTOP)
    opened.requests, opened.troubles = [], []
    opened.on("request", lambda request: opened.requests.append(request.url))
    opened.on("requestfailed", lambda request: opened.troubles.append(f"failed: {request.url}"))
    opened.on("pageerror", lambda error: opened.troubles.append(str(error)))
    yield opened
    opened.close()


def go(page, url):
    """Open a page and wait for its equations."""
    response = page.goto(url)
    assert response is None or response.ok, url
    page.wait_for_function(
        "!document.querySelector('.math') || (window.MathJax && MathJax.startup && "
        "MathJax.startup.promise && MathJax.startup.promise.then(() => true))"
    )


RENDERED = """() => {
    const shown = document.querySelector('article').innerText;
    const formulas = document.querySelectorAll('article .math').length;
    return {
        raw: /\\\\\\(|\\\\\\[/.test(shown) ? shown.match(/.{0,40}\\\\[([].{0,40}/)[0] : '',
        missing: formulas - document.querySelectorAll('article .math mjx-container').length,
        errors: document.querySelectorAll('mjx-merror, .MathJax_Error').length,
    };
}"""
TOO_WIDE = """() => [...document.querySelectorAll('article div.highlight pre')]
    .filter((pre) => pre.scrollWidth > pre.clientWidth + 1)
    .filter((pre) => !pre.closest('.output, .cell_output'))
    .map((pre) => pre.innerText.split('\\n').sort((a, b) => b.length - a.length)[0])"""
OVERFLOW = "() => document.documentElement.scrollWidth - window.innerWidth"


@pytest.mark.parametrize("name", PAGES)
def test_every_page(page, address, name):
    go(page, f"{address}/{name}")
    assert not page.troubles
    assert [url for url in page.requests if not url.startswith((address, "data:"))] == []
    if name not in ("search.html", "genindex.html"):
        assert page.evaluate(RENDERED) == {"raw": "", "missing": 0, "errors": 0}
        assert page.evaluate(TOO_WIDE) == []
    page.set_viewport_size(PHONE)
    assert page.evaluate(OVERFLOW) <= 0


@pytest.mark.parametrize("name", KINDS)
def test_pages_open_from_files(page, name):
    go(page, (SITE / name).as_uri())
    assert not page.troubles
    assert all(url.startswith(("file:", "data:", "blob:")) for url in page.requests)
    assert page.evaluate(RENDERED) == {"raw": "", "missing": 0, "errors": 0}


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("steady state", "tutorials/steady_states.html"),
        ("spin squeezing", "tutorials/squeezing.html"),
        ("pulse", "tutorials/pulses.html"),
        ("mesolve", "api/mesolve.html"),
    ],
)
def test_search(page, address, words, first):
    page.goto(f"{address}/search.html?q={words.replace(' ', '+')}")
    page.wait_for_selector("#search-results li p.context")
    page.wait_for_function("document.querySelector('.search-summary').innerText.includes('finished')")
    page.wait_for_load_state("networkidle")
    results = page.locator("#search-results li a")
    top = [results.nth(k).get_attribute("href").partition("#")[0].partition("?")[0] for k in range(3)]
    assert first in top
    assert "\\(" not in page.inner_text("#search-results")


def test_dark_mode(browser, address):
    page = browser.new_page(viewport=DESKTOP, color_scheme="dark")
    go(page, f"{address}/live.html")
    red, green, blue = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    )
    assert max(red, green, blue) < 80
    page.close()


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_sliders_move_the_pictures(page, width):
    page.set_viewport_size(width)
    go(page, (SITE / "live.html").as_uri())
    players = page.locator("div.player")
    assert players.count() == 2
    for k in range(2):
        player = players.nth(k)
        for slider in player.locator("input[type=range]").all():
            seen = [
                player.locator("svg").inner_html(),
                player.locator("canvas").evaluate("c => c.toDataURL()"),
            ]
            slider.focus()
            slider.press("ArrowRight")
            now = [
                player.locator("svg").inner_html(),
                player.locator("canvas").evaluate("c => c.toDataURL()"),
            ]
            assert now != seen
    assert page.evaluate(OVERFLOW) <= 0
    assert not page.troubles


def test_buttons_and_notebooks(page, address):
    go(page, f"{address}/tutorials/detuned.html")
    assert page.locator("button.copybtn").count() > 5
    with page.expect_download() as download:
        page.click("p.notebook a")
    assert download.value.suggested_filename == "detuned.ipynb"
