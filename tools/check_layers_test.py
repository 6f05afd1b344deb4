#!/usr/bin/env python3
"""Tests of check_layers.py: a small house that stands, and one bent arrow after the other."""

import tempfile
import unittest
from pathlib import Path

import check_layers

CMAKE = """
# pw_module(NAME ghost LEVEL 9)
pw_module(NAME base LEVEL 0 LIBS fmt::fmt)
pw_module(NAME net LEVEL 2 DEPS base)
pw_module(NAME http LEVEL 3
  DEPS base net)
pw_module(NAME bus LEVEL 3 DEPS base)
"""

HOUSE = {
    "base/result.h": "#pragma once\n#include <string>\n",
    "net/loop.h": '#pragma once\n#include "base/result.h"\n',
    "net/loop.cpp": '#include "net/loop.h"\n',
    "http/server.h": '#pragma once\n#include "net/loop.h"\n',
    "bus/bus.h": '#pragma once\n#include "base/result.h"\n',
}


class CheckLayers(unittest.TestCase):
    def faults(self, files: dict[str, str], cmake: str = CMAKE) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "CMakeLists.txt").write_text(cmake)
            for name, text in (HOUSE | files).items():
                path = root / "src" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check_layers.check(root)

    def assert_one_fault(self, part: str, files: dict[str, str], cmake: str = CMAKE) -> None:
        faults = self.faults(files, cmake)
        self.assertEqual(len(faults), 1, faults)
        self.assertIn(part, faults[0])

    def test_accepts_arrows_down(self):
        self.assertEqual(self.faults({}), [])

    def test_refuses_an_arrow_up(self):
        self.assert_one_fault("src/net/up.cpp:2", {"net/up.cpp": '#include "net/loop.h"\n#include "http/server.h"\n'})

    def test_refuses_an_arrow_down_that_is_not_declared(self):
        self.assert_one_fault("bus may include only bus base", {"bus/other.cpp": '#include "net/loop.h"\n'})

    def test_refuses_an_arrow_sideways(self):
        self.assert_one_fault("bus may include only", {"bus/other.cpp": '#include "http/server.h"\n'})

    def test_refuses_an_arrow_in_a_test_and_in_an_adapter_folder(self):
        self.assert_one_fault("src/bus/bus_test.cpp:1", {"bus/bus_test.cpp": '#include "net/loop.h"\n'})
        self.assert_one_fault("src/bus/redis/a.cpp:1", {"bus/redis/a.cpp": '#include "net/loop.h"\n'})

    def test_lets_the_load_generator_include_only_the_lower_rooms(self):
        self.assertEqual(self.faults({"../tools/bench/a.h": '#include "net/loop.h"\n#include "bench/a.h"\n'}), [])
        self.assert_one_fault("tools/bench/a.cpp", {"../tools/bench/a.cpp": '#include "bus/bus.h"\n'})

    def test_refuses_a_path_around_the_rooms(self):
        self.assert_one_fault("does not begin with a room", {"net/dodge.cpp": '#include "../http/server.h"\n'})
        self.assert_one_fault("does not begin with a room", {"net/dodge.cpp": '#include "loop.h"\n'})
        self.assert_one_fault("is not there", {"net/dodge.cpp": '#include "base/../http/server.h"\n'})

    def test_refuses_a_file_that_is_not_there(self):
        self.assert_one_fault("is not there", {"net/gone.cpp": '#include "base/gone.h"\n'})

    def test_refuses_headers_in_a_circle(self):
        self.assert_one_fault(
            "net/a.h -> net/b.h -> net/a.h",
            {"net/a.h": '#include "net/b.h"\n', "net/b.h": '#include "net/a.h"\n'},
        )

    def test_refuses_a_unit_that_does_not_begin_with_its_own_header(self):
        late = '#include <string>\n#include "net/loop.h"\n'
        self.assert_one_fault('the first #include must be "net/loop.h"', {"net/loop.cpp": late})
        self.assert_one_fault('the first #include must be "net/loop.h"', {"net/loop.cpp": "\n"})
        self.assertEqual(self.faults({"net/loop_test.cpp": late}), [])

    def test_refuses_deps_that_do_not_go_down(self):
        self.assert_one_fault("arrows go down", {}, CMAKE.replace("bus LEVEL 3 DEPS base", "bus LEVEL 3 DEPS base http"))
        self.assert_one_fault("arrows go down", {}, CMAKE.replace("NAME base LEVEL 0", "NAME base LEVEL 0 DEPS bus"))

    def test_refuses_deps_on_no_room(self):
        self.assert_one_fault("which is no room", {}, CMAKE.replace("bus LEVEL 3 DEPS base", "bus LEVEL 3 DEPS base ghost"))

    def test_refuses_a_folder_that_is_no_room(self):
        self.assert_one_fault("no pw_module", {"util/text.h": "#pragma once\n"})

    def test_refuses_an_empty_house(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "CMakeLists.txt").write_text(CMAKE)
            self.assertEqual(len(check_layers.check(Path(folder))), 1)


if __name__ == "__main__":
    unittest.main()
