"""The built-in plugin: everything that tensorlab registers, through the hooks that every plugin uses."""

from __future__ import annotations

from typing import Any

from tensorlab import (
    activations,
    backends,
    callbacks,
    datasets,
    initializers,
    layers,
    metrics,
    optimizers,
    regularizers,
)
from tensorlab.losses.functions import LOSSES
from tensorlab.plugins.hookspecs import hookimpl


@hookimpl
def tensorlab_register_layers() -> dict[str, Any]:
    from tensorlab.models import Sequential

    return {
        "Activation": layers.Activation,
        "ActivityRegularization": layers.ActivityRegularization,
        "Add": layers.Add,
        "AlphaDropout": layers.AlphaDropout,
        "Average": layers.Average,
        "AveragePooling1D": layers.AveragePooling1D,
        "AveragePooling2D": layers.AveragePooling2D,
        "BatchNormalization": layers.BatchNormalization,
        "Concatenate": layers.Concatenate,
        "Conv1D": layers.Conv1D,
        "Conv1DTranspose": layers.Conv1DTranspose,
        "Conv2D": layers.Conv2D,
        "Conv2DTranspose": layers.Conv2DTranspose,
        "Cropping1D": layers.Cropping1D,
        "Cropping2D": layers.Cropping2D,
        "Dense": layers.Dense,
        "DepthwiseConv1D": layers.DepthwiseConv1D,
        "DepthwiseConv2D": layers.DepthwiseConv2D,
        "Dot": layers.Dot,
        "Dropout": layers.Dropout,
        "ELU": layers.ELU,
        "Embedding": layers.Embedding,
        "Flatten": layers.Flatten,
        "GaussianDropout": layers.GaussianDropout,
        "GaussianNoise": layers.GaussianNoise,
        "GlobalAveragePooling1D": layers.GlobalAveragePooling1D,
        "GlobalAveragePooling2D": layers.GlobalAveragePooling2D,
        "GlobalMaxPooling1D": layers.GlobalMaxPooling1D,
        "GlobalMaxPooling2D": layers.GlobalMaxPooling2D,
        "GroupNormalization": layers.GroupNormalization,
        "Identity": layers.Identity,
        "InputLayer": layers.InputLayer,
        "Input": layers.InputLayer,  # its name in files of earlier versions
        "Lambda": layers.Lambda,
        "LayerNormalization": layers.LayerNormalization,
        "LeakyReLU": layers.LeakyReLU,
        "Masking": layers.Masking,
        "Maximum": layers.Maximum,
        "MaxPooling1D": layers.MaxPooling1D,
        "MaxPooling2D": layers.MaxPooling2D,
        "Minimum": layers.Minimum,
        "Multiply": layers.Multiply,
        "Normalization": layers.Normalization,
        "Permute": layers.Permute,
        "PReLU": layers.PReLU,
        "ReLU": layers.ReLU,
        "RepeatVector": layers.RepeatVector,
        "Rescaling": layers.Rescaling,
        "Reshape": layers.Reshape,
        "SeparableConv1D": layers.SeparableConv1D,
        "SeparableConv2D": layers.SeparableConv2D,
        "Softmax": layers.Softmax,
        "SpatialDropout1D": layers.SpatialDropout1D,
        "SpatialDropout2D": layers.SpatialDropout2D,
        "Subtract": layers.Subtract,
        "UnitNormalization": layers.UnitNormalization,
        "UpSampling1D": layers.UpSampling1D,
        "UpSampling2D": layers.UpSampling2D,
        "ZeroPadding1D": layers.ZeroPadding1D,
        "ZeroPadding2D": layers.ZeroPadding2D,
        "Sequential": Sequential,
    }


@hookimpl
def tensorlab_register_activations() -> dict[str, Any]:
    return {
        "celu": activations.celu,
        "elu": activations.elu,
        "exponential": activations.exponential,
        "gelu": activations.gelu,
        "glu": activations.glu,
        "hard_shrink": activations.hard_shrink,
        "hard_sigmoid": activations.hard_sigmoid,
        "hard_silu": activations.hard_silu,
        "hard_swish": activations.hard_swish,
        "hard_tanh": activations.hard_tanh,
        "leaky_relu": activations.leaky_relu,
        "linear": activations.linear,
        "log_sigmoid": activations.log_sigmoid,
        "log_softmax": activations.log_softmax,
        "relu": activations.relu,
        "relu6": activations.relu6,
        "selu": activations.selu,
        "sigmoid": activations.sigmoid,
        "silu": activations.silu,
        "soft_shrink": activations.soft_shrink,
        "softmax": activations.softmax,
        "softplus": activations.softplus,
        "softsign": activations.softsign,
        "sparse_plus": activations.sparse_plus,
        "sparse_sigmoid": activations.sparse_sigmoid,
        "sparsemax": activations.sparsemax,
        "squareplus": activations.squareplus,
        "tanh": activations.tanh,
        "tanh_shrink": activations.tanh_shrink,
        "threshold": activations.threshold,
    }


@hookimpl
def tensorlab_register_losses() -> dict[str, Any]:
    return dict(LOSSES)


@hookimpl
def tensorlab_register_optimizers() -> dict[str, Any]:
    return {
        "adadelta": optimizers.Adadelta,
        "adafactor": optimizers.Adafactor,
        "adagrad": optimizers.Adagrad,
        "adam": optimizers.Adam,
        "adamax": optimizers.Adamax,
        "adamw": optimizers.AdamW,
        "ftrl": optimizers.Ftrl,
        "muon": optimizers.Muon,
        "nadam": optimizers.Nadam,
        "rmsprop": optimizers.RMSprop,
        "sgd": optimizers.SGD,
    }


@hookimpl
def tensorlab_register_metrics() -> dict[str, Any]:
    return {
        "accuracy": metrics.Accuracy,
        "acc": metrics.Accuracy,
        "auc": metrics.AUC,
        "binary_accuracy": metrics.BinaryAccuracy,
        "binary_crossentropy": metrics.BinaryCrossentropy,
        "binary_io_u": metrics.BinaryIoU,
        "bce": metrics.BinaryCrossentropy,
        "categorical_accuracy": metrics.CategoricalAccuracy,
        "categorical_crossentropy": metrics.CategoricalCrossentropy,
        "categorical_hinge": metrics.CategoricalHinge,
        "concordance_correlation": metrics.ConcordanceCorrelation,
        "cosine_similarity": metrics.CosineSimilarity,
        "f1_score": metrics.F1Score,
        "fbeta_score": metrics.FBetaScore,
        "false_negatives": metrics.FalseNegatives,
        "false_positives": metrics.FalsePositives,
        "hinge": metrics.Hinge,
        "kl_divergence": metrics.KLDivergence,
        "log_cosh_error": metrics.LogCoshError,
        "logcosh": metrics.LogCoshError,
        "mean": metrics.Mean,
        "mean_absolute_error": metrics.MeanAbsoluteError,
        "mae": metrics.MeanAbsoluteError,
        "mean_absolute_percentage_error": metrics.MeanAbsolutePercentageError,
        "mape": metrics.MeanAbsolutePercentageError,
        "mean_squared_error": metrics.MeanSquaredError,
        "mse": metrics.MeanSquaredError,
        "mean_squared_logarithmic_error": metrics.MeanSquaredLogarithmicError,
        "msle": metrics.MeanSquaredLogarithmicError,
        "io_u": metrics.IoU,
        "mean_io_u": metrics.MeanIoU,
        "one_hot_io_u": metrics.OneHotIoU,
        "one_hot_mean_io_u": metrics.OneHotMeanIoU,
        "pearson_correlation": metrics.PearsonCorrelation,
        "poisson": metrics.Poisson,
        "precision": metrics.Precision,
        "precision_at_recall": metrics.PrecisionAtRecall,
        "r2_score": metrics.R2Score,
        "recall": metrics.Recall,
        "recall_at_precision": metrics.RecallAtPrecision,
        "root_mean_squared_error": metrics.RootMeanSquaredError,
        "sensitivity_at_specificity": metrics.SensitivityAtSpecificity,
        "sparse_categorical_accuracy": metrics.SparseCategoricalAccuracy,
        "sparse_categorical_crossentropy": metrics.SparseCategoricalCrossentropy,
        "sparse_top_k_categorical_accuracy": metrics.SparseTopKCategoricalAccuracy,
        "specificity_at_sensitivity": metrics.SpecificityAtSensitivity,
        "squared_hinge": metrics.SquaredHinge,
        "sum": metrics.Sum,
        "top_k_categorical_accuracy": metrics.TopKCategoricalAccuracy,
        "true_negatives": metrics.TrueNegatives,
        "true_positives": metrics.TruePositives,
    }


@hookimpl
def tensorlab_register_initializers() -> dict[str, Any]:
    return {
        "constant": initializers.Constant,
        "glorot_normal": initializers.GlorotNormal,
        "glorot_uniform": initializers.GlorotUniform,
        "he_normal": initializers.HeNormal,
        "he_uniform": initializers.HeUniform,
        "identity": initializers.Identity,
        "lecun_normal": initializers.LecunNormal,
        "lecun_uniform": initializers.LecunUniform,
        "ones": initializers.Ones,
        "orthogonal": initializers.Orthogonal,
        "random_normal": initializers.RandomNormal,
        "normal": initializers.RandomNormal,
        "random_uniform": initializers.RandomUniform,
        "uniform": initializers.RandomUniform,
        "truncated_normal": initializers.TruncatedNormal,
        "variance_scaling": initializers.VarianceScaling,
        "zeros": initializers.Zeros,
    }


@hookimpl
def tensorlab_register_regularizers() -> dict[str, Any]:
    return {
        "l1": regularizers.L1,
        "l1_l2": regularizers.L1L2,
        "l2": regularizers.L2,
        "orthogonal_regularizer": regularizers.OrthogonalRegularizer,
    }


@hookimpl
def tensorlab_register_callbacks() -> dict[str, Any]:
    return {
        "BackupAndRestore": callbacks.BackupAndRestore,
        "CSVLogger": callbacks.CSVLogger,
        "EarlyStopping": callbacks.EarlyStopping,
        "History": callbacks.History,
        "LambdaCallback": callbacks.LambdaCallback,
        "LearningRateScheduler": callbacks.LearningRateScheduler,
        "ModelCheckpoint": callbacks.ModelCheckpoint,
        "ProgressBar": callbacks.ProgressBar,
        "ReduceLROnPlateau": callbacks.ReduceLROnPlateau,
        "TensorBoard": callbacks.TensorBoard,
        "TerminateOnNaN": callbacks.TerminateOnNaN,
    }


@hookimpl
def tensorlab_register_datasets() -> dict[str, Any]:
    return {"digits": datasets.digits.load_data, "mnist": datasets.mnist.load_data}


@hookimpl
def tensorlab_register_backends() -> dict[str, Any]:
    return {"cpu": backends.CPUBackend, "reference": backends.ReferenceBackend}
