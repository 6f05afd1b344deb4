"""A document that lies must fail tools/check_docs.py."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECK = Path(__file__).resolve().parent / "check_docs.py"
GOOD = {
    "README.md": "[decisions](docs/adr/README.md) [out](https://example.org/x)",
    "src/metrics/catalog.h": 'inline constexpr Family kUsers{"pushwire_users", "Users."};',
    "docs/metrics.md": "| `pushwire_users` | |",
    "docs/adr/README.md": "[one](0001-one.md)",
    "docs/adr/0001-one.md": "# 0001 One",
}


def run(changes):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**GOOD, **changes}.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return subprocess.run([sys.executable, CHECK, folder], capture_output=True, text=True, timeout=30)


class CheckDocs(unittest.TestCase):
    def test_accepts_true_documents(self):
        self.assertEqual(run({}).returncode, 0)

    def test_refuses_a_link_to_nowhere(self):
        result = run({"README.md": "[x](docs/gone.md#part)"})
        self.assertEqual((result.returncode, result.stdout), (1, "README.md: there is no docs/gone.md\n"))

    def test_refuses_a_metric_without_a_row(self):
        self.assertIn("pushwire_users is missing", run({"docs/metrics.md": "nothing"}).stdout)

    def test_refuses_a_row_without_a_metric(self):
        self.assertIn("pushwire_gone is not in", run({"docs/metrics.md": "`pushwire_users` `pushwire_gone`"}).stdout)

    def test_refuses_a_decision_off_the_index(self):
        self.assertIn("0002-two.md is missing", run({"docs/adr/0002-two.md": "# 0002"}).stdout)


if __name__ == "__main__":
    unittest.main()
