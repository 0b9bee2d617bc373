"""The inner loop of matrix products, emitted as LLVM vector instructions.

A tile is some rows of the result by one or two vectors of columns. Its entries stay
in registers while the loop runs along the axis that is summed over: one vector of
the second factor is loaded, one number of each row is spread over a vector, and they
are multiplied and added in one instruction where the processor has it.
"""

# Numba has no type annotations, so that its base classes and decorators are untyped.
# mypy: disable-error-code="misc,no-untyped-call,untyped-decorator"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin

from torchlean.cpu import primitives
from torchlean.cpu.lowering import WORD, ArithmeticType, BufferType, element_address
from torchlean.cpu.processor import vector_bytes

SHORT = ir.IntType(32)
TILE_ROWS = (8, 4, 2, 1)
"""How many rows a tile may have."""


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


def _offer_tile(function: Any, buffers: int, lowering: Any) -> None:
    """Make a tile known to Numba: a constant, then integers and buffers."""

    class Template(AbstractTemplate):
        key = function
        prefer_literal = True

        def generic(self, args: Any, kws: Any) -> Any:
            if not isinstance(args[0], types.IntegerLiteral):
                return None
            wanted = [
                each if isinstance(each, BufferType) else types.int64
                for each in args[1:]
            ]
            return signature(types.void, args[0], *wanted)

    infer_global(function, types.Function(Template))
    start, row, step, rows = [types.int64] * 4
    places = [rows, BufferType, start, row, step, BufferType, start, step]
    places += [BufferType] * (buffers - 2)
    places += [start, row, types.int64, types.int64]
    lower_builtin(function, types.IntegerLiteral, *places)(lowering)


def _multiply_tile(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return _multiply_and_pack(context, builder, sig, (*args[:9], None, *args[9:]))


def _multiply_and_pack(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    rows = args[1]
    tile = _Tile(context, builder, sig.args[2].element, sig.args[0].literal_value)
    for count in TILE_ROWS:
        chosen = builder.icmp_signed("==", rows, ir.Constant(WORD, count))
        with builder.if_then(chosen):
            _emit_rows(builder, tile, count, *args[2:])
    return context.get_dummy_value()


def _emit_rows(
    builder: Any,
    tile: _Tile,
    rows: int,
    a: Any,
    a_start: Any,
    a_row: Any,
    a_step: Any,
    b: Any,
    b_start: Any,
    b_step: Any,
    panel: Any,
    out: Any,
    out_start: Any,
    out_row: Any,
    depth: Any,
    keep: Any,
) -> None:
    """A tile of so many rows; what it reads of B is packed if there is a panel."""
    first = tile.address(a, a_start)
    target = tile.address(out, out_start)
    # So many accumulators as leave room for B's vectors and one number, spread.
    most = max((_registers() - 4) // tile.vectors, 1)
    at_once = rows
    while at_once > most:
        at_once //= 2
    source, step = tile.address(b, b_start), b_step
    for start in range(0, rows, at_once):
        offset = builder.mul(ir.Constant(WORD, start), a_row)
        place = builder.mul(ir.Constant(WORD, start), out_row)
        packed = None
        if panel is not None and start == 0:
            packed = tile.address(panel, ir.Constant(WORD, 0))
        tile.emit(
            at_once,
            builder.gep(first, [offset]),
            a_row,
            a_step,
            source,
            step,
            packed,
            builder.gep(target, [place]),
            out_row,
            depth,
            keep,
        )
        if packed is not None:
            source, step = packed, tile.stride


_offer_tile(primitives.multiply_tile, 3, _multiply_tile)
_offer_tile(primitives.multiply_and_pack_tile, 4, _multiply_and_pack)


class _TransposeTile(AbstractTemplate):
    key = primitives.transpose_tile

    def generic(self, args: Any, kws: Any) -> Any:
        return signature(
            types.void, args[0], *[types.int64] * 2, args[3], *[types.int64] * 2
        )


infer_global(primitives.transpose_tile, types.Function(_TransposeTile))


@lower_builtin(
    primitives.transpose_tile,
    BufferType,
    types.int64,
    types.int64,
    BufferType,
    types.int64,
    types.int64,
)
def _transpose_tile(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    b, b_start, b_column, panel, panel_start, panel_step = args
    tile = _Tile(context, builder, sig.args[0].element, 1)
    source, target = tile.address(b, b_start), tile.address(panel, panel_start)
    width, size = tile.width, tile.number_bytes()
    lines = [
        builder.load(
            tile.vector_at(source, builder.mul(ir.Constant(WORD, line), b_column)),
            align=size,
        )
        for line in range(width)
    ]
    # Lines i and i + width/2 interleaved, log2(width) times, are the columns.
    masks = [
        ir.Constant(
            ir.VectorType(SHORT, width),
            [lane // 2 + half * width // 2 + lane % 2 * width for lane in range(width)],
        )
        for half in range(2)
    ]
    for _ in range(width.bit_length() - 1):
        lines = [
            builder.shuffle_vector(lines[i], lines[i + width // 2], mask)
            for i in range(width // 2)
            for mask in masks
        ]
    for number, line in enumerate(lines):
        offset = builder.mul(ir.Constant(WORD, number), panel_step)
        builder.store(line, tile.vector_at(target, offset), align=size)
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
        self.stride = ir.Constant(WORD, vectors * self.width)
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
        b: Any,
        b_step: Any,
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
        index, a_offset, b_offset = (builder.phi(WORD) for _ in range(3))
        totals = [builder.phi(self.vector) for _ in places]
        for variable, start in zip(
            (index, a_offset, b_offset, *totals),
            (zero, zero, zero, *starts),
            strict=True,
        ):
            variable.add_incoming(start, begin)
        columns = self.columns(b, b_offset)
        if panel is not None:
            self.pack(columns, panel, index)
        self.fetch_ahead(a, a_offset, builder.mul(ir.Constant(WORD, rows), a_row))
        sums = self.products(rows, a, a_offset, a_row, columns, totals)
        following = builder.add(index, ir.Constant(WORD, 1))
        index.add_incoming(following, loop)
        a_offset.add_incoming(builder.add(a_offset, a_step), loop)
        b_offset.add_incoming(builder.add(b_offset, b_step), loop)
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

    def fetch_ahead(self, a: Any, a_offset: Any, following: Any) -> None:
        """Let the cache fetch what the tile below reads first at this step."""
        builder = self.builder
        place = builder.gep(a, [builder.add(a_offset, following)])
        byte = ir.IntType(8).as_pointer()
        prefetch = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte, SHORT, SHORT, SHORT]),
            "llvm.prefetch.p0i8",
        )
        # To read, to keep in every cache, of data.
        modes = [ir.Constant(SHORT, mode) for mode in (0, 3, 1)]
        builder.call(prefetch, [builder.bitcast(place, byte), *modes])

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

    def columns(self, b: Any, b_offset: Any) -> list[Any]:
        """The vectors of B of one step along the summed axis."""
        return [
            self.builder.load(place, align=self.number_bytes())
            for place in self.neighbours(b, b_offset)
        ]

    def pack(self, columns: list[Any], panel: Any, index: Any) -> None:
        """Store the vectors of one step behind those of the steps before."""
        places = self.neighbours(panel, self.builder.mul(index, self.stride))
        for column, place in zip(columns, places, strict=True):
            self.builder.store(column, place, align=self.number_bytes())

    def neighbours(self, pointer: Any, offset: Any) -> list[Any]:
        """Where as many vectors lie as a tile is wide."""
        return [
            self.vector_at(
                pointer,
                self.builder.add(offset, ir.Constant(WORD, vector * self.width)),
            )
            for vector in range(self.vectors)
        ]

    def products(
        self,
        rows: int,
        a: Any,
        a_offset: Any,
        a_row: Any,
        columns: list[Any],
        totals: list[Any],
    ) -> list[Any]:
        """The sums after one more step along the summed axis."""
        builder = self.builder
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
