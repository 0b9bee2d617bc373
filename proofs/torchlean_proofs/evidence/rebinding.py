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
    """The same, and so for the functions of our own that it calls by name."""
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
            called = names.get(name)
            ours = getattr(called, "__module__", None) or ""
            if isinstance(called, FunctionType) and ours.startswith("torchlean"):
                names[name] = rebound(called) if name not in changed else called
        return made

    return rebound(cast(FunctionType, function))


def called(function: Function, package: str) -> dict[str, FunctionType]:
    """The functions of a package that a function calls by name, at any depth."""
    found: dict[str, FunctionType] = {}
    waiting = [cast(FunctionType, function)]
    while waiting:
        plain = waiting.pop()
        for name in plain.__code__.co_names:
            each = plain.__globals__.get(name)
            ours = getattr(each, "__module__", None) or ""
            if isinstance(each, FunctionType) and ours.startswith(package):
                if name not in found:
                    waiting.append(each)
                found[name] = each
    return dict(sorted(found.items()))
