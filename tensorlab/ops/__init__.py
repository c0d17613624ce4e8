"""Every operation, under the array API standard's names, and the neural ones.

What a family exports is the ``__all__`` of its module, and is said nowhere else.
"""

from tensorlab.ops import (
    broadcasting,
    creation,
    cumulative,
    dlpack,
    elementwise_functions,
    indexing,
    joining,
    lift,
    linalg,
    methods,  # noqa: F401  (puts the operators and methods of Tensor in place)
    namespace,
    nn,
    reduction,
    searching,
    sets,
    shaping,
    sorting,
)
from tensorlab.ops.broadcasting import *
from tensorlab.ops.creation import *
from tensorlab.ops.cumulative import *
from tensorlab.ops.dlpack import *
from tensorlab.ops.elementwise_functions import *
from tensorlab.ops.indexing import *
from tensorlab.ops.joining import *
from tensorlab.ops.lift import *
from tensorlab.ops.linalg import *
from tensorlab.ops.namespace import *
from tensorlab.ops.nn import *
from tensorlab.ops.reduction import *
from tensorlab.ops.searching import *
from tensorlab.ops.sets import *
from tensorlab.ops.shaping import *
from tensorlab.ops.sorting import *

__all__: list[str] = []
__all__ += broadcasting.__all__
__all__ += creation.__all__
__all__ += cumulative.__all__
__all__ += dlpack.__all__
__all__ += elementwise_functions.__all__
__all__ += indexing.__all__
__all__ += joining.__all__
__all__ += lift.__all__
__all__ += linalg.__all__
__all__ += namespace.__all__
__all__ += nn.__all__
__all__ += reduction.__all__
__all__ += searching.__all__
__all__ += sets.__all__
__all__ += shaping.__all__
__all__ += sorting.__all__
