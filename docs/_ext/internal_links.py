"""Fail the build if a link or image inside the site leads nowhere."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.errors import SphinxError


class Page(HTMLParser):
    """The targets and the anchors of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.targets.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def check(app: Sphinx, exception: Exception | None) -> None:
    """Follow every relative link of every page to a file and, where it names one, to an anchor."""
    if exception is not None or app.builder.name != "html":
        return
    root = Path(app.outdir)
    pages = {
        path.resolve(): Page(path.read_text(encoding="utf-8"))
        for path in root.rglob("*.html")
    }
    broken = []
    for path, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not file.exists() or (
                anchor and file in pages and anchor not in pages[file].anchors
            ):
                broken.append(f"{path.relative_to(root.resolve())}: {target}")
    if broken:
        raise SphinxError("Links that lead nowhere:\n" + "\n".join(sorted(set(broken))))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the check after all other work of the build."""
    app.connect("build-finished", check, priority=900)
    return {"parallel_read_safe": True}
