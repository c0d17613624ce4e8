"""Every operation, under the array API standard's names, and the neural ones.

Each module exports the names in its ``__all__``. The elementwise operations are plain Python functions of numbers,
lifted to tensors; their derivatives are taken from their source. There is no complex dtype; ``conj``, ``imag`` and
``real`` take real ones. The names of `compiled_calls`, `crossentropy`,
`keras_activations` and `keras_names` are in `tensorlab.ops` only.
"""

from tensorlab import lazy
from tensorlab.arguments import wrap_functions
from tensorlab.ops import (
    activations,
    arithmetic,
    broadcasting,
    choosing,
    comparison,
    compiled_calls,
    complex,
    constants,
    creation,
    crossentropy,
    cumulative,
    data_types,
    dlpack,
    exponential,
    extrema,
    floating,
    indexing,
    joining,
    keras_activations,
    keras_names,
    lift,
    linalg,
    logical,
    methods,  # noqa: F401  (adds the operators and methods to Tensor)
    namespace,
    nn,
    operation_data,  # noqa: F401  (lets files contain operations)
    powers,
    reduction,
    rounding,
    searching,
    sets,
    shaping,
    sorting,
    statistics,
    trigonometric,
)
from tensorlab.ops.activations import *
from tensorlab.ops.arithmetic import *
from tensorlab.ops.broadcasting import *
from tensorlab.ops.choosing import *
from tensorlab.ops.comparison import *
from tensorlab.ops.compiled_calls import *
from tensorlab.ops.complex import *
from tensorlab.ops.constants import *
from tensorlab.ops.creation import *
from tensorlab.ops.crossentropy import *
from tensorlab.ops.cumulative import *
from tensorlab.ops.data_types import *
from tensorlab.ops.dlpack import *
from tensorlab.ops.exponential import *
from tensorlab.ops.extrema import *
from tensorlab.ops.floating import *
from tensorlab.ops.indexing import *
from tensorlab.ops.joining import *
from tensorlab.ops.keras_activations import *
from tensorlab.ops.keras_names import *
from tensorlab.ops.lift import *
from tensorlab.ops.linalg import *
from tensorlab.ops.logical import *
from tensorlab.ops.namespace import *
from tensorlab.ops.nn import *
from tensorlab.ops.powers import *
from tensorlab.ops.reduction import *
from tensorlab.ops.rounding import *
from tensorlab.ops.searching import *
from tensorlab.ops.sets import *
from tensorlab.ops.shaping import *
from tensorlab.ops.sorting import *
from tensorlab.ops.statistics import *
from tensorlab.ops.trigonometric import *

__all__: list[str] = []
__all__ += activations.__all__
__all__ += arithmetic.__all__
__all__ += broadcasting.__all__
__all__ += choosing.__all__
__all__ += comparison.__all__
__all__ += complex.__all__
__all__ += constants.__all__
__all__ += creation.__all__
__all__ += cumulative.__all__
__all__ += data_types.__all__
__all__ += dlpack.__all__
__all__ += exponential.__all__
__all__ += extrema.__all__
__all__ += floating.__all__
__all__ += indexing.__all__
__all__ += joining.__all__
__all__ += lift.__all__
__all__ += linalg.__all__
__all__ += logical.__all__
__all__ += namespace.__all__
__all__ += nn.__all__
__all__ += powers.__all__
__all__ += reduction.__all__
__all__ += rounding.__all__
__all__ += searching.__all__
__all__ += sets.__all__
__all__ += shaping.__all__
__all__ += sorting.__all__
__all__ += statistics.__all__
__all__ += trigonometric.__all__

_OTHERS = (compiled_calls, crossentropy, keras_activations, keras_names)
wrap_functions(globals(), [*__all__, *(name for module in _OTHERS for name in module.__all__)])

OF_LINALG = (
    *("cholesky", "cross", "det", "diagonal", "eigh", "inv", "matrix_rank", "norm", "pinv", "qr", "slogdet", "solve"),
    *("svd", "trace"),
)
"""Functions of ``keras.ops`` that `tensorlab.linalg` defines, which is imported when one is called."""
for _name in OF_LINALG:
    globals()[_name] = lazy.function("tensorlab.linalg", _name)
