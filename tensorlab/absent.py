"""Names of Keras that tensorlab does not have, and what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from tensorlab.errors import UnknownAttributeError, nearest

_FILES = "read the files yourself, and give fit arrays or a tl.utils.PyDataset"
_OBJECTS = "pass custom_objects={...} to load_model, or write a plugin"
_RECURRENT = "install the plugin tensorlab-recurrent, and import it from tensorlab_recurrent"
_CELLS = "use LSTM, GRU or SimpleRNN of the plugin tensorlab-recurrent, or write a layer with a loop"
_BEFORE_FIT = "convert the data with NumPy before fit"
_IMAGES = "change images in a tl.utils.PyDataset, or with tl.layers.Lambda"
_ATTENTION = "write a layer with tl.matmul and tl.softmax"
_OF_VOLUMES = "its layers are of sequences and images, not of volumes"
_OWN_KERNELS = "it runs layers of its own only"
_OWN_LOGS = "tensorlab prints with rich, and fit(verbose=0) prints nothing"

ABSENT: dict[str, dict[str, str]] = {
    "activations": {},
    "backend": {"get_uid": "layers have automatic names, see tl.utils.clear_session"},
    "layers": {
        "CenterCrop": "use Cropping2D",
        "EinsumDense": "use Dense, or a layer with tl.tensordot",
        "InputSpec": "check shapes in build, which may raise tl.errors.ShapeError",
        "RMSNormalization": "use LayerNormalization, or a layer with tl.mean",
        "ReversibleEmbedding": "use Embedding, and tl.matmul with its embeddings",
        "SpectralNormalization": "use a kernel_constraint",
        "Wrapper": "keep the inner layer in an attribute of a layer",
        **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "Bidirectional", "TimeDistributed"), _RECURRENT),
        **dict.fromkeys(("LSTMCell", "GRUCell", "SimpleRNNCell", "StackedRNNCells", "RNN"), _CELLS),
        **{f"ConvLSTM{rank}D": _CELLS for rank in (1, 2, 3)},
        **dict.fromkeys(("CategoryEncoding", "Discretization", "HashedCrossing", "Hashing"), _BEFORE_FIT),
        **dict.fromkeys(("IntegerLookup", "StringLookup", "TextVectorization"), _BEFORE_FIT),
        **dict.fromkeys(("MelSpectrogram", "STFTSpectrogram"), _BEFORE_FIT),
        **dict.fromkeys(("AugMix", "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization"), _IMAGES),
        **dict.fromkeys(("CutMix", "Equalization", "MaxNumBoundingBoxes", "MixUp", "Pipeline"), _IMAGES),
        **dict.fromkeys(("RandAugment", "Resizing", "Solarization"), _IMAGES),
        **{
            f"Random{change}": _IMAGES
            for change in (
                *("Brightness", "ColorDegeneration", "ColorJitter", "Contrast", "Crop", "ElasticTransform", "Erasing"),
                *("Flip", "GaussianBlur", "Grayscale", "Hue", "Invert", "Perspective", "Posterization", "Rotation"),
                *("Saturation", "Sharpness", "Shear", "Translation", "Zoom"),
            )
        },
        **dict.fromkeys(("AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention"), _ATTENTION),
        **dict.fromkeys(("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"), _OWN_KERNELS),
        **{
            f"Adaptive{kind}Pooling{rank}D": "use a pooling layer with a pool_size, or a global one"
            for kind in ("Average", "Max")
            for rank in (1, 2, 3)
        },
        **{
            f"{name}3D": _OF_VOLUMES
            for name in (
                *("AveragePooling", "AvgPool", "Conv", "Convolution", "Cropping", "GlobalAveragePooling", "MaxPool"),
                *("GlobalAvgPool", "GlobalMaxPool", "GlobalMaxPooling", "MaxPooling", "SpatialDropout", "UpSampling"),
                "ZeroPadding",
            )
        },
        **dict.fromkeys(("Conv3DTranspose", "Convolution3DTranspose"), _OF_VOLUMES),
    },
    "losses": {"CTC": "it would need a scan over alignments", "ctc": "it would need a scan over alignments"},
    "metrics": {},
    "optimizers": {
        "Lamb": "use Adam, or Adafactor, whose steps are relative to the weights as well",
        "Lion": "the plugin tensorlab-lion, an example in the repository, registers 'lion'",
        "LossScaleOptimizer": "there is no float16 whose gradients vanish",
        "MultiOptimizer": "call apply_gradients of several optimizers in an own train_step",
        "OptimizerMap": "call apply_gradients of several optimizers in an own train_step",
        "ScheduleFreeAdamW": "use AdamW with use_ema=True",
    },
    "optimizers.schedules": {},
    "initializers": dict.fromkeys(("STFT", "STFTInitializer", "stft"), "there is no complex dtype"),
    "regularizers": {},
    "constraints": {},
    "callbacks": {
        "OrbaxCheckpoint": "use ModelCheckpoint, or fit(checkpoint=folder)",
        "RemoteMonitor": "send the logs in a callback of your own",
        "SwapEMAWeights": "fit sets weights to their means at its end if the optimizer has use_ema=True",
    },
    "utils": {
        "Config": "use a dict or a dataclass",
        "FeatureSpace": "convert the features to arrays first",
        "Progbar": "use tl.callbacks.ProgressBar",
        "array_to_img": "use Pillow's Image.fromarray",
        "audio_dataset_from_directory": _FILES,
        "disable_interactive_logging": _OWN_LOGS,
        "enable_interactive_logging": _OWN_LOGS,
        "get_file": "download with pooch, which tensorlab depends on",
        "get_source_inputs": "a model knows its own inputs",
        "img_to_array": "use np.asarray(image)",
        "is_interactive_logging_enabled": _OWN_LOGS,
        "is_keras_tensor": "see tl.Tensor",
        "load_img": "use Pillow's Image.open",
        "model_to_dot": "use plot_model, which needs no Graphviz",
        "pack_x_y_sample_weight": "write (x, y, sample_weight)",
        "save_img": "use Pillow's Image.save",
        "standardize_dtype": "dtypes are those of NumPy",
        "text_dataset_from_directory": _FILES,
        "timeseries_dataset_from_array": "use np.lib.stride_tricks.sliding_window_view",
        "unpack_x_y_sample_weight": "write x, y, sample_weight = data",
        **dict.fromkeys(("CustomObjectScope", "custom_object_scope", "get_custom_objects"), _OBJECTS),
        **dict.fromkeys(("get_registered_name", "get_registered_object", "register_keras_serializable"), _OBJECTS),
        **dict.fromkeys(("deserialize_keras_object", "serialize_keras_object"), "see tl.saving and get_config"),
    },
}
"""For each module, the names that it lacks and a hint for each."""


def hint_for(module: str, name: str) -> str:
    """Return the hint for a name that a module lacks, however it is spelled; an empty text if there is none."""
    wanted = name.replace("_", "").lower()
    known = ABSENT.get(module, {})
    found = next((each for each in known if each.replace("_", "").lower() == wanted), None)
    return "" if found is None else f"tensorlab has no {found}: {known[found]}"


def lookup(namespace: dict[str, Any]) -> Callable[[str], NoReturn]:
    """Return a ``__getattr__`` for the module of a namespace, which says what to do instead of a name of Keras."""
    module: str = namespace["__name__"]

    def explain(name: str) -> NoReturn:
        if name.startswith("_"):  # protocols of Python look up many such names
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        public = [each for each in namespace.get("__all__", namespace) if not each.startswith("_")]
        hint = hint_for(module.removeprefix("tensorlab."), name) or nearest(name, public)
        raise UnknownAttributeError(module, "one of its names", name, hint)

    return explain
