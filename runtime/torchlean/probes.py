"""Probes: single inputs whose predictions are printed before and after training.

>>> probe = Probe.at("held out", 0.25, -0.75, expected=0.2)
>>> print(probe.line([0.165363]))
  held out: x=(0.25, -0.75)  target=0.2  pred=[0.165363]
>>> print(Probe("seven", [0.0] * 64, expected=7).line([0.1, 0.2, 0.1, 0.9], True))
  seven: expected=7 predicted=3
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from torchlean import metrics
from torchlean.report_lines import Style, class_probe_line, probe_line, shown
from torchlean_spec.errors import Reason, TorchLeanError


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """One input to ask a model about.

    Args:
        name: What it is called in the line that is printed.
        input: One input, without the batch axis.
        expected: What the answer should be, if that is known: a number, numbers, or
            a class.
        text: What the line says of the input; nothing by default.

    Source: the original's `Probe` and `ClassProbe` (Facade/Trainer), as one record.
    """

    name: str
    input: ArrayLike
    expected: int | float | Sequence[float] | None = None
    text: str = ""

    @staticmethod
    def at(
        name: str,
        *coordinates: float,
        expected: int | float | Sequence[float] | None = None,
    ) -> Probe:
        """The probe of a point; the line shows its coordinates.

        >>> Probe.at("center", 0, 0).text
        'x=(0, 0)'
        """
        text = ", ".join(f"{each:g}" for each in coordinates)
        return Probe(name, list(coordinates), expected, f"x=({text})")

    @staticmethod
    def vector2(
        name: str,
        first: float,
        second: float,
        expected: int | float | Sequence[float] | None = None,
        *,
        style: Style = "torchlean",
    ) -> Probe:
        """The probe of a pair of numbers, whose text is that of the original's `vec2`.

        >>> Probe.vector2("held out", 0.25, -0.75, 0.2).text
        'x=(0.25,-0.75)'
        >>> Probe.vector2("held out", 0.25, -0.75, style="lean").text
        'x=(0.250000,-0.750000)'
        """
        text = f"x=({shown(first, style)},{shown(second, style)})"
        return Probe(name, [first, second], expected, text)

    def line(self, output: ArrayLike, classes: bool = False) -> str:
        """The line that says what a model answers.

        Args:
            output: The answer, without the batch axis.
            classes: Whether the largest output is a class; then one is expected.

        Raises:
            TorchLeanError: `CONTRADICTION` if a class is to be shown and none is
                expected.
        """
        if not classes:
            return probe_line(
                self.name, output, input_text=self.text, expected=self.expected
            )
        if not isinstance(self.expected, int):
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"probe {self.name!r}: expected a class, got {self.expected!r}",
            )
        (predicted,) = metrics.classes(np.asarray(output)[np.newaxis]).tolist()
        return class_probe_line(self.name, self.expected, predicted)
