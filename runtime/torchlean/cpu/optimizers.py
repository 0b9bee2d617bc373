"""Optimizers: one row updates the whole arena of parameters.

The kernels bear the names of the spec's variants (`Optimizer.variant`), take the
state buffers that `state_names` lists, and read one row of a table of coefficients
whose columns are `coefficient_names`, in that order. The row is that of the
current update: `control[STEP] - control[TABLE_START]`.

Each body is one loop over elements in the spec's order of operations, one rounding
for each, so that the results have the bits of the spec's binary32 numbers; yet the
loops run at the speed of memory.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from torchlean.cpu.language import Arithmetic, Indices, Reals
from torchlean.cpu.registry import Body, kernel
from torchlean.cpu.running import STEP, TABLE_START


def optimizer(name: str, state: str, coefficients: str) -> Callable[[Body], Body]:
    """Enter an optimizer's kernel.

    Args:
        name: The variant.
        state: The state buffers.
        coefficients: The columns of the coefficient table.
    """
    width = len(coefficients.split())
    moving = ["parameter", "gradient", *state.split()]
    return kernel(
        name=name,
        reads={
            "gradient": "size",
            "coefficients": f"table_rows*{width}",
            "control": "16",
        },
        updates=dict.fromkeys(["parameter", *state.split()], "size"),
        integers_in=("control",),
        shard_axis="size",
        shard_steps=dict.fromkeys(moving, "1"),
    )


def _descent(decayed: bool) -> None:
    """Enter stochastic gradient descent without momentum."""
    columns = 2 if decayed else 1

    def sgd(
        parameter: Reals,
        gradient: Reals,
        coefficients: Reals,
        control: Indices,
        table_rows: int,
        size: int,
        system: Arithmetic,
    ) -> None:
        row = (control[STEP] - control[TABLE_START]) * columns
        rate = coefficients[row]
        decay = coefficients[row + columns - 1]
        for i in range(size):
            g = gradient[i]
            if decayed:
                g = g + decay * parameter[i]
            parameter[i] = parameter[i] - rate * g

    names = ("sgd_decayed", "rate decay") if decayed else ("sgd", "rate")
    optimizer(names[0], "", names[1])(sgd)


def _momentum(
    name: str, nesterov: bool, of_steps: bool, dampened: bool, decayed: bool
) -> None:
    """Enter gradient descent with momentum, in one of its forms."""
    columns = 2 + dampened + decayed

    def momentum(
        parameter: Reals,
        gradient: Reals,
        buffer: Reals,
        coefficients: Reals,
        control: Indices,
        table_rows: int,
        size: int,
        system: Arithmetic,
    ) -> None:
        row = (control[STEP] - control[TABLE_START]) * columns
        rate, keep = coefficients[row], coefficients[row + 1]
        take = coefficients[row + columns - 1 - decayed]
        decay = coefficients[row + columns - 1]
        for i in range(size):
            g = gradient[i]
            if decayed:
                g = g + decay * parameter[i]
            # STATE
            step = g
            if of_steps:
                step = rate * g
            if dampened:
                step = take * g
            b = keep * buffer[i] + step
            # UPDATE
            direction = b
            if nesterov:
                direction = step + keep * b
            move = direction
            if not of_steps:
                move = rate * direction
            # PARAMETER
            buffer[i] = b
            parameter[i] = parameter[i] - move

    variant = f"{name}_decayed" if decayed else name
    take = " take" if dampened else ""
    decay = " decay" if decayed else ""
    optimizer(variant, "buffer", f"rate keep{take}{decay}")(momentum)


_EPSILON_PLACES = ("", "_inside_root", "_uncorrected")


def _adam(place: str, coupled: bool, decoupled: bool) -> None:
    """Enter Adam or AdamW, with epsilon in one of its places."""
    inside, uncorrected = place == "_inside_root", place == "_uncorrected"
    decays = coupled or decoupled
    columns = (6 if uncorrected else 8) + decays

    def adam(
        parameter: Reals,
        gradient: Reals,
        first: Reals,
        second: Reals,
        coefficients: Reals,
        control: Indices,
        table_rows: int,
        size: int,
        system: Arithmetic,
    ) -> None:
        row = (control[STEP] - control[TABLE_START]) * columns
        keep1, take1 = coefficients[row], coefficients[row + 1]
        keep2, take2 = coefficients[row + 2], coefficients[row + 3]
        epsilon, rate = coefficients[row + 4], coefficients[row + 5]
        unbias1 = coefficients[row + columns - 2 - decays]
        unbias2 = coefficients[row + columns - 1 - decays]
        decay = coefficients[row + columns - 1]
        for i in range(size):
            g = gradient[i]
            p = parameter[i]
            if coupled:
                g = g + decay * p
            if decoupled:
                p = p * decay
            # STATE
            m = keep1 * first[i] + take1 * g
            v = keep2 * second[i] + take2 * (g * g)
            # UPDATE
            if uncorrected:
                move = (rate * m) / (system.sqrt(v) + epsilon)
            elif inside:
                move = (rate * (m * unbias1)) / system.sqrt(v * unbias2 + epsilon)
            else:
                move = (rate * (m * unbias1)) / (system.sqrt(v * unbias2) + epsilon)
            # PARAMETER
            first[i] = m
            second[i] = v
            parameter[i] = p - move

    _enter_adam("", place, coupled, decoupled, "first second", adam)


def _amsgrad(place: str, coupled: bool, decoupled: bool, unbiased: bool) -> None:
    """Enter AMSGrad: the denominator takes the largest second moment so far."""
    inside, uncorrected = place == "_inside_root", place == "_uncorrected"
    decays = coupled or decoupled
    columns = (6 if uncorrected else 8) + decays

    def amsgrad(
        parameter: Reals,
        gradient: Reals,
        first: Reals,
        second: Reals,
        largest: Reals,
        coefficients: Reals,
        control: Indices,
        table_rows: int,
        size: int,
        system: Arithmetic,
    ) -> None:
        row = (control[STEP] - control[TABLE_START]) * columns
        keep1, take1 = coefficients[row], coefficients[row + 1]
        keep2, take2 = coefficients[row + 2], coefficients[row + 3]
        epsilon, rate = coefficients[row + 4], coefficients[row + 5]
        unbias1 = coefficients[row + columns - 2 - decays]
        unbias2 = coefficients[row + columns - 1 - decays]
        decay = coefficients[row + columns - 1]
        for i in range(size):
            g = gradient[i]
            p = parameter[i]
            if coupled:
                g = g + decay * p
            if decoupled:
                p = p * decay
            # STATE
            m = keep1 * first[i] + take1 * g
            v = keep2 * second[i] + take2 * (g * g)
            if unbiased:
                top = system.maximum(largest[i], v * unbias2)
            else:
                top = system.maximum(largest[i], v)
            # UPDATE
            scale = top
            if not unbiased and not uncorrected:
                scale = top * unbias2
            if uncorrected:
                move = (rate * m) / (system.sqrt(scale) + epsilon)
            elif inside:
                move = (rate * (m * unbias1)) / system.sqrt(scale + epsilon)
            else:
                move = (rate * (m * unbias1)) / (system.sqrt(scale) + epsilon)
            # PARAMETER
            first[i] = m
            second[i] = v
            largest[i] = top
            parameter[i] = p - move

    form = "_amsgrad_unbiased" if unbiased else "_amsgrad"
    state = "first second largest"
    _enter_adam(form, place, coupled, decoupled, state, amsgrad)


def _enter_adam(
    form: str, place: str, coupled: bool, decoupled: bool, state: str, body: Body
) -> None:
    columns = "keep1 take1 keep2 take2 epsilon "
    columns += "corrected_rate" if place == "_uncorrected" else "rate unbias1 unbias2"
    if coupled:
        columns += " decay"
    if decoupled:
        columns += " keep_parameter"
    family, suffix = "adamw" if decoupled else "adam", "_decayed" if coupled else ""
    optimizer(f"{family}{form}{place}{suffix}", state, columns)(body)


def _rmsprop(centered: bool, place: str) -> None:
    """Enter RMSProp without momentum, centred or not."""
    inside = place == "_inside_root"

    def rmsprop(
        parameter: Reals,
        gradient: Reals,
        second: Reals,
        coefficients: Reals,
        control: Indices,
        table_rows: int,
        size: int,
        system: Arithmetic,
    ) -> None:
        row = (control[STEP] - control[TABLE_START]) * 4
        keep, take = coefficients[row], coefficients[row + 1]
        epsilon, rate = coefficients[row + 2], coefficients[row + 3]
        for i in range(size):
            g = gradient[i]
            # STATE
            v = keep * second[i] + take * (g * g)
            # UPDATE
            if inside:
                divisor = system.sqrt(v + epsilon)
            else:
                divisor = system.sqrt(v) + epsilon
            # PARAMETER
            second[i] = v
            parameter[i] = parameter[i] - (rate * g) / divisor

    def rmsprop_centered(
        parameter: Reals,
        gradient: Reals,
        second: Reals,
        mean: Reals,
        coefficients: Reals,
        control: Indices,
        table_rows: int,
        size: int,
        system: Arithmetic,
    ) -> None:
        row = (control[STEP] - control[TABLE_START]) * 4
        keep, take = coefficients[row], coefficients[row + 1]
        epsilon, rate = coefficients[row + 2], coefficients[row + 3]
        for i in range(size):
            g = gradient[i]
            # STATE
            v = keep * second[i] + take * (g * g)
            a = keep * mean[i] + take * g
            # UPDATE
            variance = system.maximum(v - a * a, system.constant(0))
            if inside:
                divisor = system.sqrt(variance + epsilon)
            else:
                divisor = system.sqrt(variance) + epsilon
            # PARAMETER
            second[i] = v
            mean[i] = a
            parameter[i] = parameter[i] - (rate * g) / divisor

    form, state = ("_centered", "second mean") if centered else ("", "second")
    body = rmsprop_centered if centered else rmsprop
    optimizer(f"rmsprop{form}{place}", state, "keep take epsilon rate")(body)


def _rmsprop_momentum(centered: bool, of_steps: bool, place: str) -> None:
    """Enter RMSProp with momentum, of directions or of steps."""
    inside = place == "_inside_root"

    def rmsprop(
        parameter: Reals,
        gradient: Reals,
        second: Reals,
        buffer: Reals,
        coefficients: Reals,
        control: Indices,
        table_rows: int,
        size: int,
        system: Arithmetic,
    ) -> None:
        row = (control[STEP] - control[TABLE_START]) * 5
        keep, take = coefficients[row], coefficients[row + 1]
        epsilon, rate = coefficients[row + 2], coefficients[row + 3]
        kept = coefficients[row + 4]
        for i in range(size):
            g = gradient[i]
            # STATE
            v = keep * second[i] + take * (g * g)
            # UPDATE
            if inside:
                divisor = system.sqrt(v + epsilon)
            else:
                divisor = system.sqrt(v) + epsilon
            if of_steps:
                b = kept * buffer[i] + (rate * g) / divisor
                move = b
            else:
                b = kept * buffer[i] + g / divisor
                move = rate * b
            # PARAMETER
            second[i] = v
            buffer[i] = b
            parameter[i] = parameter[i] - move

    def rmsprop_centered(
        parameter: Reals,
        gradient: Reals,
        second: Reals,
        mean: Reals,
        buffer: Reals,
        coefficients: Reals,
        control: Indices,
        table_rows: int,
        size: int,
        system: Arithmetic,
    ) -> None:
        row = (control[STEP] - control[TABLE_START]) * 5
        keep, take = coefficients[row], coefficients[row + 1]
        epsilon, rate = coefficients[row + 2], coefficients[row + 3]
        kept = coefficients[row + 4]
        for i in range(size):
            g = gradient[i]
            # STATE
            v = keep * second[i] + take * (g * g)
            a = keep * mean[i] + take * g
            # UPDATE
            variance = system.maximum(v - a * a, system.constant(0))
            if inside:
                divisor = system.sqrt(variance + epsilon)
            else:
                divisor = system.sqrt(variance) + epsilon
            if of_steps:
                b = kept * buffer[i] + (rate * g) / divisor
                move = b
            else:
                b = kept * buffer[i] + g / divisor
                move = rate * b
            # PARAMETER
            second[i] = v
            mean[i] = a
            buffer[i] = b
            parameter[i] = parameter[i] - move

    form, state = ("_centered", "second mean") if centered else ("", "second")
    steps = "_of_steps" if of_steps else ""
    body = rmsprop_centered if centered else rmsprop
    columns = "keep take epsilon rate momentum"
    optimizer(f"rmsprop{form}_momentum{steps}{place}", f"{state} buffer", columns)(body)


def _adagrad(place: str) -> None:
    """Enter AdaGrad."""
    inside = place == "_inside_root"

    def adagrad(
        parameter: Reals,
        gradient: Reals,
        total: Reals,
        coefficients: Reals,
        control: Indices,
        table_rows: int,
        size: int,
        system: Arithmetic,
    ) -> None:
        row = (control[STEP] - control[TABLE_START]) * 2
        epsilon, rate = coefficients[row], coefficients[row + 1]
        for i in range(size):
            g = gradient[i]
            # STATE
            s = total[i] + g * g
            # UPDATE
            if inside:
                divisor = system.sqrt(s + epsilon)
            else:
                divisor = system.sqrt(s) + epsilon
            # PARAMETER
            total[i] = s
            parameter[i] = parameter[i] - (rate * g) / divisor

    optimizer(f"adagrad{place}", "total", "epsilon rate")(adagrad)


def _adadelta(of_steps: bool) -> None:
    """Enter Adadelta, whose changes are directions or steps."""

    def adadelta(
        parameter: Reals,
        gradient: Reals,
        second: Reals,
        change: Reals,
        coefficients: Reals,
        control: Indices,
        table_rows: int,
        size: int,
        system: Arithmetic,
    ) -> None:
        row = (control[STEP] - control[TABLE_START]) * 4
        keep, take = coefficients[row], coefficients[row + 1]
        epsilon, rate = coefficients[row + 2], coefficients[row + 3]
        for i in range(size):
            g = gradient[i]
            # STATE
            v = keep * second[i] + take * (g * g)
            # UPDATE
            d = system.sqrt((change[i] + epsilon) / (v + epsilon)) * g
            move = rate * d
            gathered = d
            if of_steps:
                gathered = move
            # PARAMETER
            second[i] = v
            change[i] = keep * change[i] + take * (gathered * gathered)
            parameter[i] = parameter[i] - move

    name = "adadelta_of_steps" if of_steps else "adadelta"
    optimizer(name, "second change", "keep take epsilon rate")(adadelta)


for _decayed in (False, True):
    _descent(_decayed)
    _momentum("momentum", False, False, False, _decayed)
    _momentum("dampened", False, False, True, _decayed)
    _momentum("nesterov", True, False, False, _decayed)
    _momentum("momentum_of_steps", False, True, False, _decayed)
    _momentum("nesterov_of_steps", True, True, False, _decayed)
for _place, (_coupled, _decoupled) in product(
    _EPSILON_PLACES, [(False, False), (True, False), (False, True)]
):
    _adam(_place, _coupled, _decoupled)
    _amsgrad(_place, _coupled, _decoupled, False)
    if _place != "_uncorrected":
        _amsgrad(_place, _coupled, _decoupled, True)
for _place in _EPSILON_PLACES[:2]:
    _adagrad(_place)
    for _centered in (False, True):
        _rmsprop(_centered, _place)
        for _of_steps in (False, True):
            _rmsprop_momentum(_centered, _of_steps, _place)
_adadelta(False)
_adadelta(True)
