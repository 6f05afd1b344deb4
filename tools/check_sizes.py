#!/usr/bin/env python3
"""Checks the size budgets of the house and that each unit has its test.

  .cpp at most 500 lines, .h at most 250, a function at most 60 (from its first line to its closing brace);
  each src/<room>/name.cpp has a name_test.cpp beside it.

Exceptions stand in tools/size_exceptions.txt, one a line: WHAT DATE REASON, where WHAT is `path` (too long),
`path:function` (its function is too long) or `path:test` (no test of its own). One that is no longer needed is a fault.

    tools/check_sizes.py [ROOT]
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

MAX_LINES = {".cpp": 500, ".h": 250}
MAX_FUNCTION = 60
FOLDERS = ("src", "tests", "tools", "fuzz", "bench", "web")
EXCEPTIONS = "tools/size_exceptions.txt"

# What text is not code: comments, raw strings, strings, characters (not the ' inside 1'000).
NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'', re.DOTALL
)
SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Function:
    name: str
    line: int
    lines: int


def blank(match: re.Match) -> str:
    """What stands for text that is not code: an empty string for a string, nothing for a comment."""
    return (" " if match[0].startswith("/") else '""') + "\n" * match[0].count("\n")


def strip(text: str) -> str:
    """The code alone, on the lines where it was: no comments, strings, preprocessor lines or access labels."""
    text = NOT_CODE.sub(blank, text)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda match: "\n" * match[0].count("\n"), text, flags=re.MULTILINE)
    return re.sub(r"\b(public|private|protected)\s*:(?!:)", ";", text)


def without_template(head: str) -> str:
    """Cuts a leading template<...>."""
    found = re.match(r"\s*template\s*<", head)
    if not found:
        return head
    depth = 1
    for at in range(found.end(), len(head)):
        depth += {"<": 1, ">": -1}.get(head[at], 0)
        if depth == 0:
            return without_template(head[at + 1:])
    return head


def function_name(head: str) -> str:
    """The name of the function whose body begins after `head`; empty if it begins something else."""
    head = without_template(head).strip()
    before = head.split("(")[0]
    if "(" not in head or SCOPE.search(before) or head.endswith("="):
        return ""
    if "=" in before and "operator" not in before:
        return ""
    if before in ("TEST", "TEST_F", "TEST_P"):
        return re.sub(r"\s*,\s*", ".", head.split("(", 1)[1].rstrip(") \n"))
    return before.split()[-1] if before.split() else ""


def block_end(code: str, start: int) -> int:
    """Where the brace at `start` closes."""
    depth = 0
    for at in range(start, len(code)):
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        if depth == 0:
            return at
    return len(code) - 1


def find_functions(text: str) -> list[Function]:
    code = strip(text)
    functions = []
    head_start = at = 0
    while at < len(code):
        letter = code[at]
        if letter in ";}":
            head_start = at + 1
        elif letter == "{":
            head = code[head_start:at]
            name = function_name(head)
            if name or not SCOPE.search(without_template(head).split("(")[0]):
                end = block_end(code, at)
                if name:
                    first = head_start + len(head) - len(head.lstrip())
                    line = code.count("\n", 0, first) + 1
                    functions.append(Function(name, line, code.count("\n", first, end) + 1))
                at = end
            head_start = at + 1
        at += 1
    return functions


def read_exceptions(root: Path) -> tuple[set[str], list[str]]:
    path = root / EXCEPTIONS
    known, faults = set(), []
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        if not line.strip() or line.startswith("#"):
            continue
        what, date, reason = (line.split(None, 2) + ["", ""])[:3]
        if not DATE.fullmatch(date) or not reason:
            faults.append(f"{EXCEPTIONS}:{number}: expected WHAT DATE REASON")
        known.add(what)
    return known, faults


def check_file(path: Path, file: str) -> dict[str, str]:
    """What is over budget in one file: the name of the exception that would allow it -> the fault."""
    faults = {}
    text = path.read_text()
    lines = text.count("\n")
    budget = MAX_LINES[path.suffix]
    if lines > budget:
        faults[file] = f"{file}: {lines} lines, the budget is {budget}: which noun could move out?"
    for function in find_functions(text):
        if function.lines > MAX_FUNCTION:
            faults[f"{file}:{function.name}"] = (
                f"{file}:{function.line}: {function.name} has {function.lines} lines, the budget is {MAX_FUNCTION}"
            )
    unit = file.startswith("src/") and file.endswith(".cpp") and not file.endswith("_test.cpp")
    if unit and path.name != "main.cpp" and not path.with_name(path.stem + "_test.cpp").exists():
        faults[f"{file}:test"] = f"{file}: no {path.stem}_test.cpp beside it"
    return faults


def check(root: Path) -> list[str]:
    allowed, result = read_exceptions(root)
    faults: dict[str, str] = {}
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in MAX_LINES and "node_modules" not in path.parts:
                faults |= check_file(path, path.relative_to(root).as_posix())
    result += [fault for what, fault in faults.items() if what not in allowed]
    result += [f"{EXCEPTIONS}: {what} is no longer needed" for what in sorted(allowed - set(faults))]
    return result


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    faults = check(root)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
