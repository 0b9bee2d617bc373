"""The process that a solver runs in: queries come in, one line goes out for each.

A query is its length in characters, a line's end, and the text. The answer is `sat`,
`unsat` or `unknown`, and after `sat`, parted by tabs, `name=value` for each variable
that has a rational value.
"""

from __future__ import annotations

import sys

import z3  # type: ignore[import-untyped]


def solve(text: str) -> str:
    """The answer to one query.

    >>> solve("(declare-const |x| Real) (assert (= (* 2 |x|) 1))").split()
    ['sat', 'x=1/2']
    """
    solver = z3.Solver()
    solver.from_string(text)
    answer = str(solver.check())
    if answer != "sat":
        return answer
    model = solver.model()
    found = [answer]
    for declared in model.decls():
        value = model[declared]
        if declared.arity() == 0 and z3.is_algebraic_value(value):
            value = value.approx(20)
        if declared.arity() == 0 and z3.is_rational_value(value):
            found.append(f"{declared.name()}={value.as_fraction()}")
        elif declared.arity() == 0 and z3.is_int_value(value):
            found.append(f"{declared.name()}={value.as_long()}")
    return "\t".join(found)


def main() -> None:
    """Answer queries until the input ends."""
    while length := sys.stdin.readline():
        text = sys.stdin.read(int(length))
        print(solve(text), flush=True)


if __name__ == "__main__":
    main()
