"""The inner loop of matrix products, emitted as LLVM vector instructions.

A tile is some rows of the result by one or two vectors of columns. Its entries stay
in registers while the loop runs along the axis that is summed over: one vector of
the packed panel is loaded, one number of each row is spread over a vector, and they
are multiplied and added in one instruction where the processor has it.
"""

# Numba has no type annotations, so that its base classes and decorators are untyped.
# mypy: disable-error-code="misc,no-untyped-call,untyped-decorator"

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin

from torchlean.cpu import primitives
from torchlean.cpu.lowering import WORD, ArithmeticType, BufferType, element_address

SHORT = ir.IntType(32)


@cache
def vector_bytes() -> int:
    """How long this processor's vectors are."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx2") else 16


def _registers() -> int:
    return 32 if vector_bytes() == 64 else 16


def _width(number: Any) -> int:
    return vector_bytes() // (4 if number == types.float32 else 8)


class _VectorWidth(AbstractTemplate):
    key = primitives.vector_width

    def generic(self, args: Any, kws: Any) -> Any:
        return signature(types.int64, *args)


infer_global(primitives.vector_width, types.Function(_VectorWidth))


@lower_builtin(primitives.vector_width, ArithmeticType)
def _vector_width(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return ir.Constant(WORD, _width(sig.args[0].dtype))


class _MultiplyTile(AbstractTemplate):
    key = primitives.multiply_tile
    prefer_literal = True

    def generic(self, args: Any, kws: Any) -> Any:
        if all(isinstance(each, types.IntegerLiteral) for each in args[:2]):
            wanted = [
                each if isinstance(each, BufferType) else types.int64
                for each in args[2:]
            ]
            return signature(types.void, *args[:2], *wanted)
        return None


infer_global(primitives.multiply_tile, types.Function(_MultiplyTile))


@lower_builtin(
    primitives.multiply_tile,
    types.IntegerLiteral,
    types.IntegerLiteral,
    BufferType,
    types.int64,
    types.int64,
    types.int64,
    BufferType,
    BufferType,
    types.int64,
    types.int64,
    types.int64,
    types.int64,
)
def _multiply_tile(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    rows, vectors = (each.literal_value for each in sig.args[:2])
    _, _, a, a_start, a_row, a_step, panel, out, out_start, out_row, depth, keep = args
    tile = _Tile(context, builder, sig.args[2].element, vectors)
    first = tile.address(a, a_start)
    target = tile.address(out, out_start)
    # So many accumulators as leave room for the panel's vectors and one spread.
    most = max((_registers() - 4) // vectors, 1)
    at_once = rows
    while at_once > most:
        at_once //= 2
    for start in range(0, rows, at_once):
        offset = builder.mul(ir.Constant(WORD, start), a_row)
        place = builder.mul(ir.Constant(WORD, start), out_row)
        tile.emit(
            at_once,
            builder.gep(first, [offset]),
            a_row,
            a_step,
            tile.address(panel, ir.Constant(WORD, 0)),
            builder.gep(target, [place]),
            out_row,
            depth,
            keep,
        )
    return context.get_dummy_value()


class _Tile:
    """Emits one tile's loop."""

    def __init__(self, context: Any, builder: Any, number: Any, vectors: int) -> None:
        self.context = context
        self.builder = builder
        self.kind = BufferType(number, "", ())
        self.number = context.get_value_type(number)
        self.vectors = vectors
        self.width = _width(number)
        self.vector = ir.VectorType(self.number, self.width)
        suffix = "f32" if number == types.float32 else "f64"
        self.multiply_add = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(self.vector, [self.vector] * 3),
            f"llvm.fmuladd.v{self.width}{suffix}",
        )

    def address(self, base: Any, index: Any) -> Any:
        return element_address(self.context, self.builder, self.kind, base, index)

    def vector_at(self, pointer: Any, offset: Any) -> Any:
        place = self.builder.gep(pointer, [offset])
        return self.builder.bitcast(place, self.vector.as_pointer())

    def spread(self, number: Any) -> Any:
        nothing = ir.Constant(self.vector, ir.Undefined)
        lane = self.builder.insert_element(nothing, number, ir.Constant(SHORT, 0))
        zeros = ir.Constant(ir.VectorType(SHORT, self.width), [0] * self.width)
        return self.builder.shuffle_vector(lane, nothing, zeros)

    def places(self, target: Any, out_row: Any, rows: int) -> list[Any]:
        builder = self.builder
        return [
            self.vector_at(
                target,
                builder.add(
                    builder.mul(ir.Constant(WORD, row), out_row),
                    ir.Constant(WORD, vector * self.width),
                ),
            )
            for row in range(rows)
            for vector in range(self.vectors)
        ]

    def emit(
        self,
        rows: int,
        a: Any,
        a_row: Any,
        a_step: Any,
        panel: Any,
        target: Any,
        out_row: Any,
        depth: Any,
        keep: Any,
    ) -> None:
        """One loop along the summed axis; its answers are stored at the target."""
        builder = self.builder
        zero = ir.Constant(WORD, 0)
        places = self.places(target, out_row, rows)
        starts = self.starts(places, keep)
        begin = builder.basic_block
        loop = builder.append_basic_block("along")
        done = builder.append_basic_block("done")
        builder.cbranch(builder.icmp_signed(">", depth, zero), loop, done)

        builder.position_at_end(loop)
        index, a_offset, panel_offset = (builder.phi(WORD) for _ in range(3))
        totals = [builder.phi(self.vector) for _ in places]
        for variable, start in zip(
            (index, a_offset, panel_offset, *totals),
            (zero, zero, zero, *starts),
            strict=True,
        ):
            variable.add_incoming(start, begin)
        sums = self.products(rows, a, a_offset, a_row, panel, panel_offset, totals)
        stride = ir.Constant(WORD, self.vectors * self.width)
        following = builder.add(index, ir.Constant(WORD, 1))
        index.add_incoming(following, loop)
        a_offset.add_incoming(builder.add(a_offset, a_step), loop)
        panel_offset.add_incoming(builder.add(panel_offset, stride), loop)
        for total, summed in zip(totals, sums, strict=True):
            total.add_incoming(summed, loop)
        builder.cbranch(builder.icmp_signed("<", following, depth), loop, done)

        builder.position_at_end(done)
        answers = [builder.phi(self.vector) for _ in places]
        for answer, start, summed in zip(answers, starts, sums, strict=True):
            answer.add_incoming(start, begin)
            answer.add_incoming(summed, loop)
        for answer, place in zip(answers, places, strict=True):
            builder.store(answer, place, align=self.number_bytes())

    def starts(self, places: list[Any], keep: Any) -> list[Any]:
        """What the sums begin with: zero, or what stands at the target."""
        builder = self.builder
        before = builder.basic_block
        kept = builder.append_basic_block("kept")
        begin = builder.append_basic_block("begin")
        chosen = builder.icmp_signed("!=", keep, ir.Constant(WORD, 0))
        builder.cbranch(chosen, kept, begin)
        builder.position_at_end(kept)
        held = [builder.load(place, align=self.number_bytes()) for place in places]
        builder.branch(begin)
        builder.position_at_end(begin)
        nothing = ir.Constant(self.vector, [0.0] * self.width)
        starts = [builder.phi(self.vector) for _ in places]
        for start, value in zip(starts, held, strict=True):
            start.add_incoming(nothing, before)
            start.add_incoming(value, kept)
        return starts

    def products(
        self,
        rows: int,
        a: Any,
        a_offset: Any,
        a_row: Any,
        panel: Any,
        panel_offset: Any,
        totals: list[Any],
    ) -> list[Any]:
        """The sums after one more step along the summed axis."""
        builder = self.builder
        columns = [
            builder.load(
                self.vector_at(
                    panel,
                    builder.add(panel_offset, ir.Constant(WORD, vector * self.width)),
                ),
                align=self.number_bytes(),
            )
            for vector in range(self.vectors)
        ]
        sums = []
        for row in range(rows):
            offset = builder.add(a_offset, builder.mul(ir.Constant(WORD, row), a_row))
            spread = self.spread(builder.load(builder.gep(a, [offset])))
            for vector in range(self.vectors):
                total = totals[row * self.vectors + vector]
                sums.append(
                    builder.call(self.multiply_add, [spread, columns[vector], total])
                )
        return sums

    def number_bytes(self) -> int:
        return 4 if self.number == ir.FloatType() else 8
