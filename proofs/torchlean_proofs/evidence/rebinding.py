"""The same code object in other surroundings: nothing is rewritten.

>>> import math
>>> def circle(radius):
...     return math.pi * radius
>>> class Three:
...     pi = 3
>>> with_globals(circle, math=Three)(2)
6
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from types import FunctionType
from typing import Any, cast

Function = Callable[..., Any]


SPEC = "torchlean_spec"
"""The package whose functions are given other surroundings throughout."""


def with_globals(function: Function, **changed: object) -> Function:
    """A function of the same code, some of whose globals are others."""
    plain = cast(FunctionType, function)
    names = {"__builtins__": builtins, **plain.__globals__, **changed}
    made = FunctionType(
        plain.__code__, names, plain.__name__, plain.__defaults__, plain.__closure__
    )
    made.__kwdefaults__ = plain.__kwdefaults__
    return made


def with_globals_throughout(function: Function, **changed: object) -> Function:
    """The same, and so for the functions of the spec that it calls by name.

    A function of the spec that takes another's place has the same surroundings.
    """
    known: dict[int, FunctionType] = {}

    def rebound(plain: FunctionType) -> FunctionType:
        if id(plain) in known:
            return known[id(plain)]
        names = {"__builtins__": builtins, **plain.__globals__, **changed}
        made = FunctionType(
            plain.__code__, names, plain.__name__, plain.__defaults__, plain.__closure__
        )
        made.__kwdefaults__ = plain.__kwdefaults__
        known[id(plain)] = made
        for name in plain.__code__.co_names:
            held = names.get(name)
            if is_ours(held, SPEC):
                names[name] = rebound(cast(FunctionType, held))
            elif isinstance(held, dict):
                names[name] = {key: chosen(value) for key, value in held.items()}
        return made

    def chosen(value: object) -> object:
        """What stands for a value of a table of functions."""
        if not is_ours(value, SPEC):
            return value
        plain = cast(FunctionType, value)
        return rebound(cast(FunctionType, changed.get(plain.__name__, plain)))

    return rebound(cast(FunctionType, function))


def called(function: Function, package: str) -> dict[str, FunctionType]:
    """The functions of a package that a function calls by name, at any depth."""
    found: dict[str, FunctionType] = {}
    waiting = [cast(FunctionType, function)]
    while waiting:
        plain = waiting.pop()
        for name in plain.__code__.co_names:
            held = plain.__globals__.get(name)
            for each in held.values() if isinstance(held, dict) else [held]:
                if is_ours(each, package):
                    function = cast(FunctionType, each)
                    if function.__name__ not in found:
                        waiting.append(function)
                    found[function.__name__] = function
    return dict(sorted(found.items()))


def is_ours(value: object, package: str) -> bool:
    """Whether a value is a function of a package."""
    home = getattr(value, "__module__", None) or ""
    return isinstance(value, FunctionType) and home.startswith(package)
