"""From a kernel's Python body to LLVM's text, and to machine code.

Numba infers the types of the body and optimises it; the body's function is then
given an entry point that takes the address of a row, so that every kernel has one
signature, `void(int64)`. No part of Python is called from the code, so that it can
be stored and loaded again without Numba.
"""

# Numba has no type annotations, so that what it returns is untyped.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import binding, ir
from numba import types
from numba.core import compiler
from numba.core.registry import cpu_target
from numba.extending import register_jitable

from torchlean.cpu import language, lowering_primitives, lowering_tiles
from torchlean.cpu.lowering import DTYPES, WORD, ArithmeticType, BufferType
from torchlean.cpu.lowering_shared import (
    llvm_type,
    offer_shared,
    shared_function_type,
    shared_kinds,
    shared_result,
)
from torchlean.cpu.registry import Dtype, Kernel, Mode, kernel_table

# Imported for what they tell Numba.
__all__ = ["compile_kernel", "lowering_primitives", "lowering_tiles"]

FLAGS = {
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "error_model": "numpy",
    "nrt": False,
}
"""No way in from Python, IEEE division, no reference counting."""

_registered: set[object] = set()


def compile_kernel(kernel: Kernel, dtype: Dtype, mode: Mode, symbol: str) -> str:
    """The optimised LLVM text of a kernel, whose entry point is named `symbol`."""
    scopes = [each.name for each in kernel.arguments if each.is_buffer]
    kinds = [
        BufferType(
            types.int64 if each.holds_integers else DTYPES[dtype],
            each.name,
            tuple(other for other in scopes if other != each.name),
        )
        if each.is_buffer
        else types.int64
        for each in kernel.arguments
    ]
    module, inner = _compile(kernel.body, kinds, types.void, dtype, mode)
    return _with_entry(module, inner, _row_entry(inner, symbol, len(kinds)))


def compile_shared(name: str, dtype: Dtype, mode: Mode, symbol: str) -> str:
    """The optimised LLVM text of a shared function."""
    if name not in language.SHARED:
        kernel_table()
    body = language.SHARED[name]
    kinds = shared_kinds(body, DTYPES[dtype])
    result = shared_result(body, DTYPES[dtype])
    module, inner = _compile(body, kinds, result, dtype, mode)
    return _with_entry(module, inner, _shared_entry(inner, symbol, kinds, result))


def needed_symbols(text: str) -> list[str]:
    """The shared functions that compiled code calls."""
    module = binding.parse_assembly(text)
    return sorted(
        function.name
        for function in module.functions
        if function.is_declaration and function.name.startswith(language.SHARED_PREFIX)
    )


def _compile(
    body: Callable[..., object],
    kinds: Sequence[types.Type],
    result: types.Type,
    dtype: Dtype,
    mode: Mode,
) -> tuple[binding.ModuleRef, str]:
    """Compile a body; its module, all of it internal but the body's own name."""
    for helper, inlined in language.HELPERS.items():
        if helper not in _registered:
            register_jitable(forceinline=inlined, error_model="numpy")(helper)
            _registered.add(helper)
    for function in language.SHARED.values():
        if function not in _registered:
            offer_shared(function)
            _registered.add(function)
    flags = compiler.Flags()
    for name, value in FLAGS.items():
        setattr(flags, name, value)
    compiled = compiler.compile_extra(
        cpu_target.typing_context,
        cpu_target.target_context,
        body,
        (*kinds, ArithmeticType(DTYPES[dtype], mode)),
        result,
        flags,
        {},
    )
    module = binding.parse_assembly(compiled.library.get_llvm_str())
    inner = compiled.fndesc.llvm_func_name
    for function in module.functions:
        if not function.is_declaration:
            function.linkage = "external" if function.name == inner else "internal"
    return module, inner


def _with_entry(module: binding.ModuleRef, inner: str, entry: ir.Module) -> str:
    module.link_in(binding.parse_assembly(str(entry)))
    module.get_function(inner).linkage = "internal"
    module.verify()
    return str(module)


def _row_entry(inner: str, symbol: str, count: int) -> ir.Module:
    """`void symbol(int64 row)`: load the arguments from the row and call the body."""
    module = ir.Module(name=symbol)
    entry = ir.Function(module, ir.FunctionType(ir.VoidType(), [WORD]), name=symbol)
    builder = ir.IRBuilder(entry.append_basic_block())
    row = builder.inttoptr(entry.args[0], WORD.as_pointer())
    arguments = [
        builder.load(builder.gep(row, [ir.Constant(WORD, 1 + position)]))
        for position in range(count)
    ]
    _call(builder, inner, arguments, ir.IntType(8).as_pointer())
    builder.ret_void()
    return module


def _shared_entry(
    inner: str, symbol: str, kinds: Sequence[types.Type], result: types.Type
) -> ir.Module:
    """`result symbol(arguments)`: call the body and return what it answers."""
    module = ir.Module(name=symbol)
    entry = ir.Function(module, shared_function_type(kinds, result), name=symbol)
    builder = ir.IRBuilder(entry.append_basic_block())
    nothing = result == types.void
    kind = ir.IntType(8).as_pointer() if nothing else llvm_type(result)
    answer = _call(builder, inner, list(entry.args), kind)
    if nothing:
        builder.ret_void()
    else:
        builder.ret(builder.load(answer))
    return module


def _call(
    builder: ir.IRBuilder, inner: str, arguments: list[ir.Value], result: ir.Type
) -> ir.Value:
    """Call Numba's function: a place for the answer, one for an error, arguments."""
    pointer = ir.IntType(8).as_pointer()
    answer, error = builder.alloca(result), builder.alloca(pointer)
    kinds = [each.type for each in arguments]
    body = ir.Function(
        builder.module,
        ir.FunctionType(ir.IntType(32), [answer.type, error.type, *kinds, WORD]),
        name=inner,
    )
    builder.call(body, [answer, error, *arguments, ir.Constant(WORD, 0)])
    return answer
