"""Every public name of Keras 3.15 in these modules exists, or an error says what to do instead."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

import tensorlab as tl
from tensorlab.absent import ABSENT
from tensorlab.errors import UnknownAttributeError, UnknownNameError

KERAS: dict[str, list[str]] = json.loads((Path(__file__).parents[1] / "support" / "keras_names.json").read_text())


@pytest.mark.parametrize("module", KERAS)
def test_names_of_keras_exist_or_have_a_hint(module: str) -> None:
    found: Any = importlib.import_module(f"tensorlab.{module}")
    for name in KERAS[module]:
        if name in ABSENT[module]:
            with pytest.raises(UnknownAttributeError) as error:
                getattr(found, name)
            message = str(error.value)
            assert message.startswith(f"tensorlab.{module}: expected one of its names, received {name}; tensorlab has ")
            assert ABSENT[module][name] in message
        else:
            assert hasattr(found, name), f"{module}.{name}"


def test_hints_are_for_names_of_keras_that_are_absent() -> None:
    for module, names in ABSENT.items():
        assert set(names) <= set(KERAS[module])
        assert not set(names) & set(vars(importlib.import_module(f"tensorlab.{module}")))


def test_other_names_have_a_suggestion() -> None:
    with pytest.raises(AttributeError, match="received Dicee; did you mean 'dice'"):
        tl.losses.Dicee  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(tl.losses, "__wrapped__")


def test_strings_of_absent_names_have_a_hint() -> None:
    for name in ("lamb", "Lamb", "loss_scale_optimizer"):
        with pytest.raises(UnknownNameError, match=r"tensorlab has no (Lamb|LossScaleOptimizer): "):
            tl.optimizers.get(name)
    with pytest.raises(UnknownNameError, match="tensorlab has no CTC: it would need a scan over alignments"):
        tl.losses.get("ctc")
