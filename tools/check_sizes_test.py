#!/usr/bin/env python3
"""Tests of check_sizes.py."""

import tempfile
import unittest
from pathlib import Path

import check_sizes


def function_of(lines: int, head: str = "int f(int a)") -> str:
    return head + " {\n" + "  g();\n" * (lines - 2) + "}\n"


class FindFunctions(unittest.TestCase):
    def assert_functions(self, text: str, expected: list[tuple[str, int]]) -> None:
        self.assertEqual([(f.name, f.lines) for f in check_sizes.find_functions(text)], expected)

    def test_finds_free_member_and_template_functions(self):
        self.assert_functions("namespace a {\n" + function_of(5) + "}\n", [("f", 5)])
        self.assert_functions("class A {\n public:\n  int f() const {\n    return 1;\n  }\n};\n", [("f", 3)])
        self.assert_functions("template <class T, class U = A<B>>\nint A<T>::f() {\n}\n", [("A<T>::f", 3)])
        self.assert_functions("bool A::operator==(const A& o) const {\n}\n", [("A::operator==", 2)])

    def test_counts_nested_blocks_and_lambdas_once(self):
        self.assert_functions("void f() {\n  if (a) {\n    each([](int x) {\n    });\n  }\n}\n", [("f", 6)])

    def test_ignores_braces_in_text_and_comments(self):
        self.assert_functions("void f() {\n  a = \"}\"; b = '}';  // }\n  /* } */ c = R\"x(})x\"; d = 1'000;\n}\n", [("f", 4)])

    def test_tables_and_types_are_no_functions(self):
        self.assert_functions("constexpr std::array<A, 2> kA = {{\n  {f(1), 2},\n}};\nstruct B {\n  int a{0};\n};\n", [])
        self.assert_functions("const A kA{\n  f(1)};\nenum class E {\n  kA\n};\n", [])

    def test_counts_a_constructor_with_braces_in_its_list(self):
        self.assertEqual(check_sizes.find_functions("A::A(int a) : a_(a) {\n  f();\n}\n")[0].lines, 3)
        self.assertEqual(check_sizes.find_functions("A::A(int a)\n    : a_{a}, b_(a) {\n  f();\n}\n")[-1].lines, 2 + 1)

    def test_ignores_the_preprocessor(self):
        self.assert_functions("#define F(x) \\\n  do { \\\n  } while (x\nvoid f() {\n}\n", [("f", 2)])


class CheckSizes(unittest.TestCase):
    def faults(self, files: dict[str, str]) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check_sizes.check(Path(folder))

    def assert_one_fault(self, part: str, files: dict[str, str]) -> None:
        faults = self.faults(files)
        self.assertEqual(len(faults), 1, faults)
        self.assertIn(part, faults[0])

    def test_accepts_what_is_just_inside(self):
        files = {
            "src/a/a.h": "//\n" * 250,
            "src/a/a.cpp": "//\n" * 440 + function_of(60),
            "src/a/a_test.cpp": function_of(60, "TEST(A, B)"),
            "src/a/main.cpp": "",
        }
        self.assertEqual(self.faults(files), [])

    def test_refuses_long_files(self):
        self.assert_one_fault("251 lines, the budget is 250", {"src/a/a.h": "//\n" * 251})
        self.assert_one_fault("501 lines, the budget is 500", {"tests/wire/a_test.cpp": "//\n" * 501})

    def test_refuses_a_long_function_and_names_its_place(self):
        self.assert_one_fault("src/a/a.h:2: f has 61 lines", {"src/a/a.h": "//\n" + function_of(61)})
        self.assert_one_fault("A.B has 61 lines", {"src/a/a_test.cpp": function_of(61, "TEST(A, B)")})

    def test_refuses_a_unit_without_a_test(self):
        self.assert_one_fault("no a_test.cpp", {"src/a/a.cpp": ""})

    def test_an_exception_needs_a_date_and_a_reason(self):
        files = {"src/a/a.cpp": ""}
        good = {"tools/size_exceptions.txt": "# why\n\nsrc/a/a.cpp:test 2026-01-31 tested through b\n"}
        self.assertEqual(self.faults(files | good), [])
        bad = {"tools/size_exceptions.txt": "src/a/a.cpp:test soon\n"}
        self.assert_one_fault("expected WHAT DATE REASON", files | bad)

    def test_an_exception_that_is_not_needed_goes(self):
        self.assert_one_fault("no longer needed", {"tools/size_exceptions.txt": "src/a/a.h 2026-01-31 big table\n"})


if __name__ == "__main__":
    unittest.main()
