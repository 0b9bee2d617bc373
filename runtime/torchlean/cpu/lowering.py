"""How Numba compiles what `language` offers to kernels.

This is the one module of the CPU kernels that imports Numba; it is imported when a
kernel must be compiled, and not before.

Buffers become plain addresses. Each access says in LLVM's alias metadata which
argument of the kernel it goes through, and that the other arguments lie elsewhere:
so loops over several buffers vectorise without run-time overlap checks, however
many buffers there are. No instruction carries a fast-math flag, but for the one
addition of `add_any_order` in fast mode.
"""

# Numba has no type annotations, so that its base classes and decorators are untyped.
# mypy: disable-error-code="misc,no-untyped-call,untyped-decorator"

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import njit, types
from numba.core import cgutils
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    bound_function,
    infer_getattr,
    infer_global,
    signature,
)
from numba.extending import (
    lower_builtin,
    lower_getattr,
    models,
    register_model,
)

from torchlean.cpu import vector_math
from torchlean.cpu.registry import Dtype, Mode

Lowering = Callable[..., Any]
WORD = ir.IntType(64)
DTYPES = {Dtype.FLOAT32: types.float32, Dtype.FLOAT64: types.float64}


class BufferType(types.Type):
    """A buffer of numbers or integers, reached through one argument of a kernel."""

    def __init__(self, element: Any, scope: str, others: tuple[str, ...]) -> None:
        self.element = element
        self.scope = scope
        self.others = others
        super().__init__(f"Buffer({element}, {scope}, {' '.join(others)})")


class ArithmeticType(types.Type):
    """The argument `system` of a kernel: a dtype and a mode, and no value."""

    def __init__(self, dtype: Any, mode: Mode) -> None:
        self.dtype = dtype
        self.mode = mode
        super().__init__(f"Arithmetic({dtype}, {mode})")


@register_model(BufferType)
@register_model(ArithmeticType)
class WordModel(models.PrimitiveModel):
    """One 64-bit word: an address, or nothing."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, WORD)


@infer_global(operator.getitem)
class _ReadsElement(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(args[0], BufferType):
            return signature(args[0].element, args[0], types.int64)
        return None


@infer_global(operator.setitem)
class _WritesElement(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(args[0], BufferType):
            return signature(types.void, args[0], types.int64, args[0].element)
        return None


def element_address(
    context: Any, builder: Any, kind: BufferType, address: Any, index: Any
) -> Any:
    """The address of an element, as an LLVM pointer."""
    pointer = builder.inttoptr(
        address, context.get_value_type(kind.element).as_pointer()
    )
    return builder.gep(pointer, [index], inbounds=True)


def mark_scope(builder: Any, access: Any, kind: BufferType) -> None:
    """Say through which argument a load or a store goes, and which lie elsewhere."""
    if not kind.scope:
        return
    module = builder.module
    domain = module.add_metadata(["torchlean"])
    scopes = [
        module.add_metadata([name, domain]) for name in (kind.scope, *kind.others)
    ]
    access.set_metadata("alias.scope", module.add_metadata(scopes[:1]))
    if kind.others:
        access.set_metadata("noalias", module.add_metadata(scopes[1:]))


@lower_builtin(operator.getitem, BufferType, types.Integer)
def _load(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    kind = sig.args[0]
    loaded = builder.load(element_address(context, builder, kind, *args))
    mark_scope(builder, loaded, kind)
    return loaded


@lower_builtin(operator.setitem, BufferType, types.Integer, types.Any)
def _store(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    kind = sig.args[0]
    place = element_address(context, builder, kind, args[0], args[1])
    mark_scope(builder, builder.store(args[2], place), kind)
    return context.get_dummy_value()


def _llvm_function(name: str) -> Lowering:
    """Lower to an LLVM intrinsic such as `llvm.sqrt`, on numbers of one type."""

    def lowering(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = args[-1].type
        suffix = "f32" if kind == ir.FloatType() else "f64"
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(kind, [kind] * (len(args) - 1)),
            f"llvm.{name}.{suffix}",
        )
        return builder.call(function, args[1:])

    return lowering


INTRINSIC_MAXIMUM = 18
"""The first LLVM that has IEEE 754's maximum and minimum on every processor."""


def _extremum(name: str, sign: str) -> Lowering:
    """Lower to IEEE 754's maximum or minimum, by selections in an older LLVM."""
    if binding.llvm_version_info[0] >= INTRINSIC_MAXIMUM:
        return _llvm_function(name)

    def lowering(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _, x, y = args
        bits = ir.IntType(32 if x.type == ir.FloatType() else 64)
        chosen = builder.select(builder.fcmp_ordered(sign, x, y), x, y)
        # Equal numbers differ in the sign of zero at most: plus is all bits clear.
        join = builder.and_ if name == "maximum" else builder.or_
        both = join(builder.bitcast(x, bits), builder.bitcast(y, bits))
        equal = builder.fcmp_ordered("==", x, y)
        chosen = builder.select(equal, builder.bitcast(both, x.type), chosen)
        return builder.select(builder.fcmp_unordered("uno", x, x), x, chosen)

    return lowering


def _comparison(sign: str) -> Lowering:
    def lowering(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.fcmp_ordered(sign, args[1], args[2])

    return lowering


def _lower_where(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.select(args[1], args[2], args[3])


def _lower_constant(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return context.cast(builder, args[1], sig.args[1], sig.return_type)


def _lower_multiply_add(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    if sig.args[0].mode is Mode.FAST:
        return _llvm_function("fmuladd")(context, builder, sig, args)
    return builder.fadd(builder.fmul(args[1], args[2]), args[3])


def _lower_add_any_order(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    flags = ("reassoc",) if sig.args[0].mode is Mode.FAST else ()
    return builder.fadd(args[1], args[2], flags=flags)


_LOWERINGS: dict[str, Lowering] = {
    "constant": _lower_constant,
    "sqrt": _llvm_function("sqrt"),
    "absolute": _llvm_function("fabs"),
    "maximum": _extremum("maximum", ">"),
    "minimum": _extremum("minimum", "<"),
    "less": _comparison("<"),
    "less_equal": _comparison("<="),
    "equal": _comparison("=="),
    "where": _lower_where,
    "multiply_add": _lower_multiply_add,
    "add_any_order": _lower_add_any_order,
}
_ELEMENTARY = ("exp", "expm1", "log", "log1p", "tanh", "erf")
_ARITY = {"less": 2, "less_equal": 2, "equal": 2}


def _elementary(name: str) -> Lowering:
    """Lower to the function of `primitives` for the dtype and the mode."""

    def lowering(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        system = sig.args[0]
        if system.dtype == types.float64:
            if name in vector_math.WIDE_FUNCTIONS:
                body = vector_math.WIDE_FUNCTIONS[name]
                return call_python(context, builder, body, sig.args, args)
            return _library_function(name)(context, builder, sig, args)
        body = vector_math.FUNCTIONS[name, system.mode]
        return call_python(context, builder, body, sig.args, args)

    return lowering


def _library_function(name: str) -> Lowering:
    """Lower to a function of the C library, such as `exp`, on binary64 numbers."""

    def lowering(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        double = ir.DoubleType()
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(double, [double] * (len(args) - 1)), name
        )
        return builder.call(function, args[1:])

    return lowering


_compiled: dict[Callable[..., Any], Any] = {}


def call_python(
    context: Any, builder: Any, body: Callable[..., Any], kinds: Any, args: Any
) -> Any:
    """Call a Python function, compiled and inlined."""
    if body not in _compiled:
        _compiled[body] = njit(error_model="numpy", forceinline=True)(body)
    function = types.Dispatcher(_compiled[body])
    call: Any = function.get_call_type(context.typing_context, tuple(kinds), {})
    called = context.get_function(function, call)
    for library in getattr(called, "libs", ()):
        context.active_code_library.add_linking_library(library)
    return called(builder, args)


@infer_getattr
class _ArithmeticFunctions(AttributeTemplate):
    key = ArithmeticType

    def resolve_strict(self, system: ArithmeticType) -> Any:
        return types.boolean

    def resolve_wide(self, system: ArithmeticType) -> Any:
        return ArithmeticType(types.float64, system.mode)


@lower_getattr(ArithmeticType, "wide")
def _wide(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return value


@lower_getattr(ArithmeticType, "strict")
def _strict(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.get_constant(types.boolean, kind.mode is Mode.STRICT)


def _offer(name: str, lowering: Lowering) -> None:
    """Make `system.name(...)` known to Numba."""
    full_name = f"torchlean.{name}"

    def resolve(self: Any, system: ArithmeticType, args: Any, kws: Any) -> Any:
        if name == "constant":
            return signature(system.dtype, *args)
        number = system.dtype
        if name == "where":
            return signature(number, types.boolean, number, number)
        result = types.boolean if name in _ARITY else number
        return signature(result, *([number] * len(args)))

    resolve.__name__ = f"resolve_{name}"
    setattr(_ArithmeticFunctions, resolve.__name__, bound_function(full_name)(resolve))
    lower_builtin(full_name, ArithmeticType, types.VarArg(types.Any))(lowering)


for _name, _lowering in _LOWERINGS.items():
    _offer(_name, _lowering)
for _name in _ELEMENTARY:
    _offer(_name, _elementary(_name))
