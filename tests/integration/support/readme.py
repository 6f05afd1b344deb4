"""The code blocks of README.md, as the tests run them (the convention is told in test_readme.py)."""

import re
from dataclasses import dataclass

_BLOCK = re.compile(r"^```(sh|bash|js|javascript)[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)


@dataclass
class Block:
    language: str  # "sh" or "js"
    text: str
    line: int

    def commands(self):
        """The lines of a shell block as commands; a line that ends in a backslash goes on in the next."""
        joined = re.sub(r"\\\n", " ", self.text)
        return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def blocks(text):
    names = {"bash": "sh", "javascript": "js"}
    return [Block(names.get(match[1], match[1]), match[2], text[:match.start()].count("\n") + 2)
            for match in _BLOCK.finditer(text)]
