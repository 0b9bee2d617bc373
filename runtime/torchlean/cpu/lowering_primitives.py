"""How Numba compiles the functions of `primitives`."""

# Numba has no type annotations, so that its base classes and decorators are untyped.
# mypy: disable-error-code="misc,no-untyped-call,untyped-decorator"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin

from torchlean.cpu import primitives
from torchlean.cpu.blas import SYMBOLS
from torchlean.cpu.lowering import WORD, ArithmeticType, BufferType, element_address

BLAS_ROW_MAJOR = 101
BLAS_AS_IT_IS = 111
BLAS_TRANSPOSED = 112
"""The constants of the C interface to the BLAS."""

ANYWHERE = BufferType(types.int64, "", ())
"""Words that may be the same as any others."""


def _offer(
    function: Callable[..., Any], result: Any, arguments: tuple[Any, ...]
) -> Callable[[Callable[..., Any]], None]:
    """Make a primitive known to Numba, with one signature and its lowering."""
    kinds = [BufferType if each is BufferType else each for each in arguments]

    class Template(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            chosen = [
                given if wanted is BufferType else wanted
                for given, wanted in zip(args, kinds, strict=True)
            ]
            return signature(result, *chosen)

    infer_global(function, types.Function(Template))

    def enter(lowering: Callable[..., Any]) -> None:
        lower_builtin(function, *kinds)(lowering)

    return enter


def _bitcast(function: Callable[..., Any], result: Any, argument: Any) -> None:
    def lowering(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(sig.return_type))

    _offer(function, result, (argument,))(lowering)


_bitcast(primitives.bits_of, types.int32, types.float32)
_bitcast(primitives.number_of, types.float32, types.int32)
_bitcast(primitives.wide_bits_of, types.int64, types.float64)
_bitcast(primitives.wide_number_of, types.float64, types.int64)


@_offer(primitives.widen, types.float64, (types.float32,))
def _widen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.fpext(args[0], ir.DoubleType())


@_offer(primitives.narrow, types.float32, (types.float64,))
def _narrow(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.fptrunc(args[0], ir.FloatType())


@_offer(primitives.words_at, ANYWHERE, (types.int64,))
def _words_at(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return args[0]


@_offer(primitives.call_kernel, types.void, (types.int64, types.int64))
def _call_kernel(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    kind = ir.FunctionType(ir.VoidType(), [WORD])
    builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])
    return context.get_dummy_value()


def _place(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return element_address(context, builder, sig.args[0], args[0], args[1])


@_offer(primitives.atomic_load, types.int64, (BufferType, types.int64))
def _atomic_load(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.load_atomic(_place(context, builder, sig, args), "acquire", 8)


@_offer(primitives.atomic_store, types.void, (BufferType, types.int64, types.int64))
def _atomic_store(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    place = _place(context, builder, sig, args)
    builder.store_atomic(args[2], place, "release", 8)
    return context.get_dummy_value()


@_offer(primitives.atomic_add, types.int64, (BufferType, types.int64, types.int64))
def _atomic_add(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    place = _place(context, builder, sig, args)
    return builder.atomic_rmw("add", place, args[2], "acq_rel")


@_offer(primitives.pause, types.void, ())
def _pause(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    if "86" in builder.module.triple.split("-")[0]:
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), []), "llvm.x86.sse2.pause"
        )
        builder.call(function, [])
    return context.get_dummy_value()


@_offer(primitives.yield_processor, types.void, ())
def _yield_processor(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.IntType(32), []), "sched_yield"
    )
    builder.call(function, [])
    return context.get_dummy_value()


@_offer(
    primitives.blas_product,
    types.void,
    (*[types.int64] * 6, BufferType, BufferType, types.int64, BufferType),
)
def _blas_product(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    transpose_a, transpose_b, m, n, k, a_stride, a, b, accumulate, out = args
    wide = sig.args[-1].element == types.float64
    number = ir.DoubleType() if wide else ir.FloatType()
    short = ir.IntType(32)
    parameters = [short] * 3 + [WORD] * 3 + [number] + [WORD] * 4 + [number, WORD, WORD]
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(ir.VoidType(), parameters),
        SYMBOLS[1 if wide else 0],
    )
    zero, one = ir.Constant(WORD, 0), ir.Constant(number, 1.0)
    turned_a = builder.icmp_signed("!=", transpose_a, zero)
    turned_b = builder.icmp_signed("!=", transpose_b, zero)

    def choice(turned: Any) -> Any:
        return builder.select(
            turned,
            ir.Constant(short, BLAS_TRANSPOSED),
            ir.Constant(short, BLAS_AS_IT_IS),
        )

    beta = builder.select(
        builder.icmp_signed("!=", accumulate, zero), one, ir.Constant(number, 0.0)
    )
    builder.call(
        function,
        [
            ir.Constant(short, BLAS_ROW_MAJOR),
            choice(turned_a),
            choice(turned_b),
            m,
            n,
            k,
            one,
            a,
            a_stride,
            b,
            builder.select(turned_b, k, n),
            beta,
            out,
            n,
        ],
    )
    return context.get_dummy_value()


class _LocalReals(AbstractTemplate):
    key = primitives.local_reals
    prefer_literal = True

    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(args[0], types.IntegerLiteral):
            return signature(BufferType(args[1].dtype, "", ()), *args)
        return None


infer_global(primitives.local_reals, types.Function(_LocalReals))


@lower_builtin(primitives.local_reals, types.IntegerLiteral, ArithmeticType)
def _local_reals(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    number = context.get_value_type(sig.return_type.element)
    count = sig.args[0].literal_value
    # Numba's own helper would write zeros at each call.
    with builder.goto_entry_block():
        place = builder.alloca(ir.ArrayType(number, count))
    return builder.ptrtoint(place, WORD)


class _Anywhere(AbstractTemplate):
    key = primitives.anywhere

    def generic(self, args: Any, kws: Any) -> Any:
        return signature(BufferType(args[0].element, "", ()), args[0])


infer_global(primitives.anywhere, types.Function(_Anywhere))


@lower_builtin(primitives.anywhere, BufferType)
def _anywhere(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return args[0]


class _RealOf(AbstractTemplate):
    key = primitives.real_of

    def generic(self, args: Any, kws: Any) -> Any:
        return signature(args[1].dtype, types.int64, args[1])


infer_global(primitives.real_of, types.Function(_RealOf))


@lower_builtin(primitives.real_of, types.int64, ArithmeticType)
def _real_of(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.sitofp(args[0], context.get_value_type(sig.return_type))
