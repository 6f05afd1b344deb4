"""Reads the Prometheus text format, as far as the tests need it."""

import re

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One scrape: the type of each family, and the samples as (name, labels, value)."""

    def __init__(self, text):
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        self.samples = []
        for line in text.splitlines():
            if line and not line.startswith("#"):
                match = _SAMPLE.match(line)
                assert match, f"not a sample: {line!r}"
                self.samples.append((match[1], dict(_LABEL.findall(match[2] or "")), float(match[3])))

    def sum(self, name, **labels):
        """The sum over the samples of this name that have these labels; 0 when there is none."""
        return sum(v for n, have, v in self.samples if n == name and labels.items() <= have.items())

    def label_names(self, name):
        """The sets of label names that this name is shown with."""
        return {frozenset(labels) for n, labels, _ in self.samples if n == name}
