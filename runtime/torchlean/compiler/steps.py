"""A program as steps that may have several results: what rewrites work on.

Values keep the program's numbers. Reshapes are gone: a value and its reshaped
copies are one, and each step knows the sizes under which it sees its operands.

>>> from torchlean_spec.program import Input, trace
>>> from torchlean_spec.shape import matrix
>>> program = trace(lambda x: {"y": x.apply("relu")}, {"x": Input(matrix(2, 3))})
>>> print(steps_of(program))
%1 = relu(%0)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torchlean_spec.operations import Attributes, Kind
from torchlean_spec.program import Program
from torchlean_spec.shape import sizes

Sizes = tuple[int, ...]


@dataclass(slots=True)
class Step:
    """One use of an operation, or of several in one."""

    operation: str
    attributes: Attributes
    operands: tuple[int, ...]
    operand_sizes: tuple[Sizes, ...]
    """The sizes along the axes of each operand, as this step sees it."""

    results: tuple[int, ...]
    result_sizes: tuple[Sizes, ...]

    def __str__(self) -> str:
        results = ", ".join(f"%{each}" for each in self.results)
        operands = ", ".join(f"%{each}" for each in self.operands)
        suffix = f" {{{self.attributes}}}" if self.attributes else ""
        return f"{results} = {self.operation}({operands}){suffix}"


@dataclass(slots=True)
class Steps:
    """Steps in the order of evaluation."""

    inputs: dict[str, int]
    outputs: dict[str, int]
    sizes: dict[int, Sizes]
    """The sizes of each value that a step or an input gives."""

    integers: set[int]
    """The inputs that hold integers."""

    steps: list[Step]

    def keep(self, outputs: Sequence[str]) -> None:
        """Forget the other outputs, and the steps that only they need."""
        self.outputs = {name: self.outputs[name] for name in outputs}
        needed = set(self.outputs.values())
        kept = []
        for step in reversed(self.steps):
            if needed.intersection(step.results):
                needed.update(step.operands)
                kept.append(step)
        self.steps = kept[::-1]

    def users(self, value: int) -> list[Step]:
        """The steps that read a value."""
        return [step for step in self.steps if value in step.operands]

    def maker(self, value: int) -> Step | None:
        """The step that gives a value; `None` for an input."""
        return next((step for step in self.steps if value in step.results), None)

    def is_output(self, value: int) -> bool:
        """Whether a value is needed after the last step."""
        return value in self.outputs.values()

    def join(self, first: Step, second: Step, joined: Step, early: bool) -> bool:
        """Put one step in the place of two, of the earlier or of the later one.

        Nothing is done, and the answer is false, if a step between the two would
        then read what is not there yet.
        """
        places = sorted((self._place(first), self._place(second)))
        between = self.steps[places[0] + 1 : places[1]]
        results = {value for step in between for value in step.results}
        operands = {value for step in between for value in step.operands}
        missing = results & set(joined.operands) if early else set()
        awaited = set() if early else operands & set(joined.results)
        if missing or awaited:
            return False
        kept = [joined, *between] if early else [*between, joined]
        self.steps[places[0] : places[1] + 1] = kept
        return True

    def _place(self, wanted: Step) -> int:
        return next(i for i, step in enumerate(self.steps) if step is wanted)

    def __str__(self) -> str:
        return "\n".join(map(str, self.steps))


def steps_of(program: Program) -> Steps:
    """The steps of a program, reshapes resolved and copies of outputs kept."""
    first = len(program.inputs)
    seen_as: list[Sizes] = [sizes(each.shape) for each in program.inputs.values()]
    same_as = list(range(first))
    steps: list[Step] = []
    for number, node in enumerate(program.nodes, first):
        seen_as.append(sizes(node.shape))
        if node.operation == "reshape":
            same_as.append(same_as[node.operands[0]])
            continue
        same_as.append(number)
        steps.append(
            Step(
                node.operation,
                node.attributes,
                tuple([same_as[each] for each in node.operands]),
                tuple([seen_as[each] for each in node.operands]),
                (number,),
                (seen_as[number],),
            )
        )
    inputs = {name: number for number, name in enumerate(program.inputs)}
    outputs = {name: same_as[number] for name, number in program.outputs.items()}
    given = {number: seen_as[number] for number in range(first)}
    made = {step.results[0]: step.result_sizes[0] for step in steps}
    integers = {
        inputs[name] for name, each in program.inputs.items() if each.kind is Kind.INDEX
    }
    return Steps(inputs, outputs, given | made, integers, steps)
