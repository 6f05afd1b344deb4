#!/usr/bin/env python3
"""Checks the arrows between the rooms of src/.

CMakeLists.txt says for each room its LEVEL and its DEPS (pw_module). This fails on
  - a DEPS entry that is no room or whose LEVEL is not smaller,
  - an #include "room/..." of a room that DEPS does not name, or of a file that is not there,
  - an #include that reaches another file by a path that does not begin with a room,
  - headers that include each other in a circle,
  - a name.cpp that does not include its name.h first (this proves that the header compiles alone),
  - a folder of src/ that is no room,
  - an #include in tools/bench of a room that is none of the lower ones: the load generator proves that they stand alone.

    tools/check_layers.py [ROOT]
"""

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

MODULE = re.compile(r"^\s*pw_module\s*\(([^)]*)\)", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
FIRST_INCLUDE = re.compile(r'^\s*#\s*include\s*(\S+)', re.MULTILINE)
KEYWORDS = ("NAME", "LEVEL", "DEPS", "LIBS")

# What the load generator may include.
BENCH_ROOMS = ("base", "metrics", "protocol", "net", "http", "websocket")

# Headers that come from outside src/ and are included in quotes.
OUTSIDE = {"web_assets.h"}


@dataclass
class Room:
    name: str
    level: int
    deps: list[str] = field(default_factory=list)


def read_rooms(text: str) -> dict[str, Room]:
    rooms = {}
    text = re.sub(r"#.*", "", text)
    for call in MODULE.findall(text):
        values: dict[str, list[str]] = {}
        key = ""
        for word in call.split():
            if word in KEYWORDS:
                key = word
                values[key] = []
            else:
                values[key].append(word)
        name = values["NAME"][0]
        rooms[name] = Room(name, int(values["LEVEL"][0]), values.get("DEPS", []))
    return rooms


def check_declared(rooms: dict[str, Room]) -> list[str]:
    faults = []
    for room in rooms.values():
        for dep in room.deps:
            if dep not in rooms:
                faults.append(f"CMakeLists.txt: {room.name} depends on {dep}, which is no room")
            elif rooms[dep].level >= room.level:
                faults.append(
                    f"CMakeLists.txt: {room.name} (level {room.level}) may not depend on {dep} "
                    f"(level {rooms[dep].level}): arrows go down"
                )
    return faults


def find_cycle(includes: dict[str, list[str]]) -> list[str]:
    """One circle among the files, or nothing."""
    done: set[str] = set()

    def visit(file: str, path: list[str]) -> list[str]:
        if file in path:
            return path[path.index(file):] + [file]
        if file in done:
            return []
        for included in includes.get(file, []):
            cycle = visit(included, path + [file])
            if cycle:
                return cycle
        done.add(file)
        return []

    for start in sorted(includes):
        cycle = visit(start, [])
        if cycle:
            return cycle
    return []


def check_include(source: Path, file: str, included: str, rooms: dict[str, Room]) -> str:
    """What is wrong with one include; empty if nothing is."""
    room = rooms[file.split("/")[0]]
    target = included.split("/")[0]
    if included in OUTSIDE:
        return ""
    if "/" not in included or target not in rooms:
        return f'"{included}" does not begin with a room'
    if ".." in included.split("/") or not (source / included).is_file():
        return f'"{included}" is not there'
    if target != room.name and target not in room.deps:
        return f'"{included}": {room.name} may include only {" ".join([room.name] + room.deps)}'
    return ""


def check_own_header(source: Path, file: str, text: str) -> str:
    """What is wrong with the first include of a .cpp that has a header of the same name; empty if nothing is."""
    header = file.removesuffix(".cpp") + ".h"
    if not file.endswith(".cpp") or not (source / header).is_file():
        return ""
    first = FIRST_INCLUDE.search(text)
    return "" if first and first[1] == f'"{header}"' else f'the first #include must be "{header}"'


def check_bench(root: Path) -> list[str]:
    faults = []
    for path in sorted((root / "tools/bench").glob("*.*")):
        for included in INCLUDE.findall(path.read_text()) if path.suffix in (".h", ".cpp") else ():
            folder = included.split("/")[0]
            base = root / ("tools" if folder == "bench" else "src")
            if folder not in (*BENCH_ROOMS, "bench") or not (base / included).is_file():
                faults.append(f'tools/bench/{path.name}: "{included}": only {" ".join(BENCH_ROOMS)} and bench are here')
    return faults


def check(root: Path) -> list[str]:
    rooms = read_rooms((root / "CMakeLists.txt").read_text())
    source = root / "src"
    faults = check_declared(rooms)
    includes: dict[str, list[str]] = {}
    for path in sorted(source.rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        file = path.relative_to(source).as_posix()
        if file.split("/")[0] not in rooms:
            faults.append(f"src/{file}: no pw_module in CMakeLists.txt has this folder")
            continue
        text = path.read_text()
        includes[file] = INCLUDE.findall(text)
        own = check_own_header(source, file, text)
        if own:
            faults.append(f"src/{file}: {own}")
        for match in INCLUDE.finditer(text):
            fault = check_include(source, file, match[1], rooms)
            if fault:
                line = text.count("\n", 0, match.start(1)) + 1
                faults.append(f"src/{file}:{line}: {fault}")
    faults += check_bench(root)
    cycle = find_cycle(includes)
    if cycle:
        faults.append("headers include each other: " + " -> ".join(cycle))
    if not rooms or not includes:
        faults.append(f"{root}: no rooms or no files found")
    return faults


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    faults = check(root)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
