"""Elementwise operations as plain data, which files of models contain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tensorlab.ops.lift import Elementwise, elementwise
from tensorlab.serialization import Value, add_value, check_config, scalar_from_data, scalar_to_data


def _to_config(operation: Elementwise) -> dict[str, Any]:
    return {
        "function": scalar_to_data(operation.scalar),
        "domain": operation.domain,
        "result": operation.result,
        "kinds": {kind: scalar_to_data(function) for kind, function in operation.kinds.items()},
        "name": operation.__name__,
    }


def _from_config(config: Mapping[str, Any]) -> Elementwise:
    given = dict(check_config("Elementwise", config, "function", "kinds"))
    function, kinds = given.pop("function"), check_config("Elementwise kinds", given.pop("kinds"))
    of_kinds = {kind: scalar_from_data(data) for kind, data in kinds.items()}
    made: Elementwise = elementwise(kinds=of_kinds, **given)(scalar_from_data(function))
    return made


add_value(Elementwise, Value("Elementwise", _to_config, _from_config))
