#!/usr/bin/env python3
"""Fails when a document points to a file that is not there, docs/metrics.md differs from the catalog of metrics, or the
index of decisions differs from the decisions.

    tools/check_docs.py [root]
"""

import re
import sys
from pathlib import Path

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
FAMILY = re.compile(r'Family k\w+\{\s*"([a-z0-9_]+)"')
SKIPPED = {"build", ".venv", "node_modules", ".git"}


def documents(root):
    return [path for path in sorted(root.rglob("*.md")) if not SKIPPED & set(path.relative_to(root).parts)]


def broken_links(root):
    for path in documents(root):
        for target in LINK.findall(path.read_text()):
            if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
                yield f"{path.relative_to(root)}: there is no {target}"


def undocumented_metrics(root):
    catalog = set(FAMILY.findall((root / "src/metrics/catalog.h").read_text()))
    page = set(re.findall(r"`((?:pushwire|process)_[a-z0-9_]+)`", (root / "docs/metrics.md").read_text()))
    yield from (f"docs/metrics.md: {name} is missing" for name in sorted(catalog - page))
    yield from (f"docs/metrics.md: {name} is not in src/metrics/catalog.h" for name in sorted(page - catalog))


def decisions_off_index(root):
    folder = root / "docs/adr"
    index = set(re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", (folder / "README.md").read_text()))
    files = {path.name for path in folder.glob("[0-9]*.md")}
    yield from (f"docs/adr/README.md: {name} is missing" for name in sorted(files - index))


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    mistakes = [*broken_links(root), *undocumented_metrics(root), *decisions_off_index(root)]
    for mistake in mistakes:
        print(mistake)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
