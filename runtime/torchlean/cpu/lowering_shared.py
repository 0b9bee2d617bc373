"""How Numba compiles calls of shared functions: as calls of code outside."""

# Numba has no type annotations, so that its base classes and decorators are untyped.
# mypy: disable-error-code="misc,no-untyped-call,untyped-decorator"

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin

from torchlean.cpu.language import parameter_kinds, parameters, shared_symbol
from torchlean.cpu.lowering import WORD, ArithmeticType, BufferType

_LLVM_TYPES = {
    types.int64: WORD,
    types.float32: ir.FloatType(),
    types.float64: ir.DoubleType(),
    types.void: ir.VoidType(),
}


def llvm_type(kind: types.Type) -> ir.Type:
    """How a parameter is passed: buffers are addresses."""
    return WORD if isinstance(kind, BufferType) else _LLVM_TYPES[kind]


def shared_kinds(function: Callable[..., object], number: Any) -> list[types.Type]:
    """The types of a shared function's parameters, for numbers of one type.

    What a shared function writes overlaps none of its other buffers, as in kernels.
    """
    words = dict(zip(parameters(function), parameter_kinds(function), strict=True))
    elements = {"Reals": number, "Indices": types.int64}
    buffers = [name for name, word in words.items() if word in elements]
    scalars = {"int": types.int64, "float": number}
    return [
        scalars[word]
        if word in scalars
        else BufferType(
            elements[word], name, tuple(each for each in buffers if each != name)
        )
        for name, word in words.items()
    ]


def shared_result(function: Callable[..., object], number: Any) -> Any:
    """The type of a shared function's answer."""
    known = {"None": types.void, "int": types.int64, "float": number}
    return known[str(function.__annotations__["return"])]


def shared_function_type(
    kinds: Sequence[types.Type], result: types.Type
) -> ir.FunctionType:
    """The type of a shared function's code."""
    return ir.FunctionType(llvm_type(result), [llvm_type(kind) for kind in kinds])


def offer_shared(function: Callable[..., object]) -> None:
    """Make a shared function known to Numba."""

    class Template(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            number = args[-1].dtype
            wanted = [
                given if isinstance(given, BufferType) else kind
                for given, kind in zip(
                    args[:-1], shared_kinds(function, number), strict=True
                )
            ]
            return signature(shared_result(function, number), *wanted, args[-1])

    infer_global(function, types.Function(Template))
    patterns = [
        BufferType if word in ("Reals", "Indices") else types.Number
        for word in parameter_kinds(function)
    ]

    @lower_builtin(function, *patterns, ArithmeticType)
    def lowering(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        system = sig.args[-1]
        kinds = shared_kinds(function, system.dtype)
        result = shared_result(function, system.dtype)
        code = cgutils.get_or_insert_function(
            builder.module,
            shared_function_type(kinds, result),
            shared_symbol(function.__name__, str(system.dtype), system.mode.value),
        )
        answer = builder.call(code, args[:-1])
        return context.get_dummy_value() if result == types.void else answer
