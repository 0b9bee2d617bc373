"""From a kernel's Python body to LLVM's text, and to machine code.

Numba infers the types of the body and optimises it; the body's function is then
given an entry point that takes the address of a row, so that every kernel has one
signature, `void(int64)`. No part of Python is called from the code, so that it can
be stored and loaded again without Numba.
"""

# Numba has no type annotations, so that what it returns is untyped.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from llvmlite import binding, ir
from numba import types
from numba.core import compiler
from numba.core.registry import cpu_target
from numba.extending import register_jitable

from torchlean.cpu import language, lowering_primitives
from torchlean.cpu.lowering import DTYPES, WORD, ArithmeticType, BufferType
from torchlean.cpu.registry import Dtype, Kernel, Mode

__all__ = ["compile_kernel", "lowering_primitives"]

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
    for helper, inlined in language.HELPERS.items():
        if helper not in _registered:
            register_jitable(forceinline=inlined, error_model="numpy")(helper)
            _registered.add(helper)
    flags = compiler.Flags()
    for name, value in FLAGS.items():
        setattr(flags, name, value)
    result = compiler.compile_extra(
        cpu_target.typing_context,
        cpu_target.target_context,
        kernel.body,
        _argument_types(kernel, dtype, mode),
        types.void,
        flags,
        {},
    )
    module = binding.parse_assembly(result.library.get_llvm_str())
    for function in module.functions:
        if not function.is_declaration:
            function.linkage = "internal"
    # Linking by name needs an external name; it becomes internal right after.
    inner = result.fndesc.llvm_func_name
    module.get_function(inner).linkage = "external"
    entry = binding.parse_assembly(str(_entry(inner, symbol, len(kernel.arguments))))
    module.link_in(entry)
    module.get_function(inner).linkage = "internal"
    module.verify()
    return str(module)


def _argument_types(kernel: Kernel, dtype: Dtype, mode: Mode) -> tuple[types.Type, ...]:
    number = DTYPES[dtype]
    scopes = [each.name for each in kernel.arguments if each.is_buffer]
    return (
        *(
            BufferType(
                types.int64 if each.holds_integers else number,
                each.name,
                tuple(other for other in scopes if other != each.name),
            )
            if each.is_buffer
            else types.int64
            for each in kernel.arguments
        ),
        ArithmeticType(number, mode),
    )


def _entry(inner: str, symbol: str, count: int) -> ir.Module:
    """`void symbol(int64 row)`: load the arguments from the row and call the body."""
    module = ir.Module(name=symbol)
    pointer = ir.IntType(8).as_pointer()
    body = ir.Function(
        module,
        ir.FunctionType(
            ir.IntType(32),
            [pointer.as_pointer(), pointer.as_pointer(), *[WORD] * (count + 1)],
        ),
        name=inner,
    )
    entry = ir.Function(module, ir.FunctionType(ir.VoidType(), [WORD]), name=symbol)
    builder = ir.IRBuilder(entry.append_basic_block())
    nothing = builder.alloca(pointer, size=2)
    error = builder.gep(nothing, [ir.Constant(WORD, 1)])
    row = builder.inttoptr(entry.args[0], WORD.as_pointer())
    arguments = [
        builder.load(builder.gep(row, [ir.Constant(WORD, 1 + position)]))
        for position in range(count)
    ]
    builder.call(body, [nothing, error, *arguments, ir.Constant(WORD, 0)])
    builder.ret_void()
    return module
