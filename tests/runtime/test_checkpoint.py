"""Parameter files: exact round trips, and files of other models refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from torchlean.checkpoint import (
    Layout,
    layouts,
    load_optimizer_state,
    load_parameters,
    read_metadata,
    save_parameters,
)
from torchlean_spec.errors import Reason, TorchLeanError

Parameters = dict[str, NDArray[np.generic]]


def small_model() -> Parameters:
    """Two layers in float32, and a scalar."""
    return {
        "layers.0.weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 3,
        "layers.0.bias": np.array([np.nan, -0.0], np.float32),
        "layers.10.scale": np.array(1e-45, np.float32),
    }


def same(ours: Parameters, theirs: Parameters) -> bool:
    """Whether names, order, dtypes, shapes and all bits agree."""
    return list(ours) == list(theirs) and all(
        one.dtype == two.dtype
        and one.shape == two.shape
        and one.tobytes() == two.tobytes()
        for one, two in zip(ours.values(), theirs.values(), strict=True)
    )


def refusal(path: Path, expected: dict[str, Layout]) -> TorchLeanError:
    """What loading says."""
    with pytest.raises(TorchLeanError) as refused:
        load_parameters(path, expected)
    return refused.value


@given(
    values=st.lists(st.floats(width=32), min_size=6, max_size=6),
    dtype=st.sampled_from(["float16", "float32", "float64"]),
    order=st.sampled_from(["C", "F"]),
)
def test_parameters_read_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory,
    values: list[float],
    dtype: str,
    order: str,
) -> None:
    """Every bit of every dtype survives, however the array lies in memory."""
    path = tmp_path_factory.mktemp("bits") / "parameters.safetensors"
    with np.errstate(over="ignore"):
        weight = np.array(values).astype(dtype).reshape(2, 3)
    laid = np.asfortranarray(weight) if order == "F" else weight
    parameters: Parameters = {"weight": laid, "view": laid[:, ::2]}
    save_parameters(path, parameters)
    assert same(load_parameters(path, layouts(parameters)), parameters)


def test_names_and_order_are_the_models(tmp_path: Path) -> None:
    """Parameters come back in the model's order, which is not the alphabet's."""
    path = tmp_path / "new" / "folder" / "parameters.safetensors"
    save_parameters(path, small_model())
    assert same(load_parameters(path, layouts(small_model())), small_model())


def test_the_header_says_what_it_is(tmp_path: Path) -> None:
    """The format's version, the model's digest and further facts are kept."""
    path = tmp_path / "parameters.safetensors"
    save_parameters(path, small_model(), {"seed": "7"}, model_digest="ab12")
    assert read_metadata(path) == {
        "torchlean.format": "1",
        "torchlean.model": "ab12",
        "seed": "7",
    }


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    """Metadata stand in alphabetical order, and the library reads what it wrote."""
    path = tmp_path / "parameters.safetensors"
    facts = {name: "\u00e9" * place for place, name in enumerate("hgfedcba")}
    save_parameters(path, small_model(), facts, model_digest="ab12")
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    metadata = json.loads(data[8 : 8 + length])["__metadata__"]
    assert list(metadata) == sorted([*facts, "torchlean.format", "torchlean.model"])
    assert metadata == {**facts, **read_metadata(path)}
    read = safetensors.numpy.load_file(path)
    assert same({name: read[name] for name in small_model()}, small_model())


def test_optimizer_state_stands_beside_the_parameters(tmp_path: Path) -> None:
    """The state is read by itself, and is not in the way of the parameters."""
    path = tmp_path / "parameters.safetensors"
    state: Parameters = {
        "first_moment.layers.0.weight": np.ones((2, 3), np.float32),
        "step": np.array(40, np.int64),
    }
    save_parameters(path, small_model(), optimizer_state=state)
    assert same(load_optimizer_state(path, layouts(state)), state)
    assert same(load_parameters(path, layouts(small_model())), small_model())
    with pytest.raises(TorchLeanError) as refused:
        load_optimizer_state(path, {"step": ("int64", ())})
    assert str(refused.value) == (
        f"{path}: optimizer state: expected 1 tensors, "
        "got also first_moment.layers.0.weight of shape [2, 3]"
    )


def test_a_file_of_another_model_is_refused(tmp_path: Path) -> None:
    """The first tensor that differs is named, with both shapes."""
    path = tmp_path / "parameters.safetensors"
    save_parameters(path, small_model())
    expected = layouts(small_model())
    expected["layers.0.weight"] = ("float32", (3, 2))
    error = refusal(path, expected)
    assert error.reason is Reason.OTHER_MODEL
    assert str(error) == f"{path}: layers.0.weight: expected shape [3, 2], got [2, 3]"
    expected["layers.0.weight"] = ("float64", (2, 3))
    error = refusal(path, expected)
    assert error.reason is Reason.OTHER_MODEL
    assert str(error) == f"{path}: layers.0.weight: expected float64, got float32"


def test_missing_and_surplus_tensors_are_refused(tmp_path: Path) -> None:
    """A file with one tensor too few, or one too many, belongs to another model."""
    path = tmp_path / "parameters.safetensors"
    save_parameters(path, small_model())
    expected = layouts(small_model())
    surplus = {"layers.0.weight": expected["layers.0.weight"]}
    error = refusal(path, surplus)
    assert error.reason is Reason.OTHER_MODEL
    assert str(error) == (
        f"{path}: expected 1 tensors, got also layers.0.bias of shape [2]"
    )
    error = refusal(path, {**expected, "layers.11.bias": ("float32", (4,))})
    assert error.reason is Reason.OTHER_MODEL
    assert str(error) == f"{path}: expected layers.11.bias of shape [4], got none"


def test_a_model_of_the_same_shapes_is_told_by_its_digest(tmp_path: Path) -> None:
    """Equal shapes do not make an equal model; an unknown digest proves nothing."""
    path = tmp_path / "parameters.safetensors"
    save_parameters(path, small_model(), model_digest="ab12")
    expected = layouts(small_model())
    with pytest.raises(TorchLeanError) as refused:
        load_parameters(path, expected, model_digest="cd34")
    assert refused.value.reason is Reason.OTHER_MODEL
    assert str(refused.value) == (
        f"{path}: expected parameters of the model cd34, got those of ab12"
    )
    assert same(load_parameters(path, expected, model_digest="ab12"), small_model())
    assert same(load_parameters(path, expected), small_model())


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    """Cut anywhere, the file is refused as no whole safetensors file."""
    path = tmp_path / "parameters.safetensors"
    save_parameters(path, small_model())
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert refusal(path, layouts(small_model())).reason is Reason.FILE_FORMAT
    path.write_bytes(whole[:-1])
    assert str(refusal(path, layouts(small_model()))).startswith(
        f"{path}: expected a safetensors file, got: "
    )


def test_another_version_of_the_format_is_refused(tmp_path: Path) -> None:
    """Both versions are named."""
    path = tmp_path / "parameters.safetensors"
    save_parameters(path, small_model())
    old, new = b'"torchlean.format":"1"', b'"torchlean.format":"9"'
    assert path.read_bytes().count(old) == 1
    path.write_bytes(path.read_bytes().replace(old, new))
    error = refusal(path, layouts(small_model()))
    assert error.reason is Reason.FILE_FORMAT
    assert str(error) == f"{path}: expected version 1 of the format, got 9"


def test_a_dtype_that_numpy_lacks_is_named(tmp_path: Path) -> None:
    """A file of bfloat16 numbers is refused by that name."""
    path = tmp_path / "parameters.safetensors"
    header = json.dumps(
        {"bias": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
    ).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    error = refusal(path, {"bias": ("float32", (2,))})
    assert str(error) == f"{path}: bias: expected float32, got bf16"


def test_files_of_others_are_read(tmp_path: Path) -> None:
    """A safetensors file without our metadata is read if its tensors fit."""
    path = tmp_path / "parameters.safetensors"
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "bias": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        }
    ).encode()
    data = np.array([0.5], "<f4").tobytes()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    loaded = load_parameters(path, {"bias": ("float32", (1,))}, model_digest="ab12")
    assert same(loaded, {"bias": np.array([0.5], np.float32)})


def test_absent_and_unwritable_paths_are_one_sentence(tmp_path: Path) -> None:
    """The path and the cause are named, for reading and for writing."""
    error = refusal(tmp_path / "absent", {})
    assert error.reason is Reason.FILE_ACCESS
    assert str(error) == (
        f"expected a file that can be read, got {tmp_path / 'absent'}: "
        "no such file or directory"
    )
    with pytest.raises(TorchLeanError) as unwritable:
        save_parameters(tmp_path, small_model())
    assert unwritable.value.reason is Reason.FILE_ACCESS
    assert str(unwritable.value) == (
        f"expected a file that can be written, got {tmp_path}: is a directory"
    )


def test_reserved_names_are_refused(tmp_path: Path) -> None:
    """Names that the file itself uses cannot be taken."""
    bias = np.zeros(1)
    with pytest.raises(TorchLeanError) as parameter:
        save_parameters(tmp_path / "file", {"optimizer.bias": bias})
    assert parameter.value.reason is Reason.CONTRADICTION
    assert str(parameter.value) == (
        "expected a parameter that does not begin with 'optimizer.', "
        "got 'optimizer.bias'"
    )
    with pytest.raises(TorchLeanError) as key:
        save_parameters(tmp_path / "file", {"bias": bias}, {"torchlean.format": "2"})
    assert str(key.value) == (
        "expected a metadata key that does not begin with 'torchlean.', "
        "got 'torchlean.format'"
    )


def test_the_lean_dialect_holds_parameters_alone(tmp_path: Path) -> None:
    """The original's file has no place for anything else."""
    path = tmp_path / "parameters.json"
    save_parameters(path, small_model(), dialect="lean")
    loaded = load_parameters(path, layouts(small_model()), dialect="lean")
    assert same(loaded, small_model())
    with pytest.raises(TorchLeanError) as refused:
        save_parameters(path, small_model(), {"seed": "7"}, dialect="lean")
    assert refused.value.reason is Reason.CONTRADICTION
    assert str(refused.value) == (
        "dialect lean: expected parameters alone, "
        "got metadata, a model digest or an optimizer state beside them"
    )
