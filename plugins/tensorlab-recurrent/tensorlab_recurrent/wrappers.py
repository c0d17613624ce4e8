"""`Bidirectional` and `TimeDistributed`: layers that apply another layer to sequences."""

import inspect

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, short_repr
from tensorlab_recurrent.messages import name_of
from tensorlab_recurrent.rnn import refuse_unless

_MODES = ("sum", "mul", "ave", "concat", None)


def _copied(layer, **changes):
    """Return a new layer with the arguments of another one, some of them changed, and weights of its own."""
    return type(layer).from_config({**layer.get_config(), **changes})


class Bidirectional(tl.layers.Layer):
    """Apply a recurrent layer to sequences, and a second one in the other direction, and merge the outputs.

    The layers are new ones, made with the arguments of the given one. Sequences of outputs are in the order of inputs.
    In a call ``initial_state`` has the states of the forward layer, then those of the backward layer.

    Args:
        layer: a recurrent layer, such as `LSTM`.
        merge_mode: "concat", "sum", "mul", "ave" (the mean), or None for a tuple of both outputs.
        weights: accepted as in Keras, if it is None; call `set_weights` instead.
        backward_layer: the layer of the other direction; None for one with the arguments of ``layer`` and the other
            value of ``go_backwards``.
        options: those of every layer, such as ``name``.

    Raises:
        ArgumentTypeError: for something that is not a recurrent layer.
        ArgumentError: for an unknown mode, or layers of one direction or with different outputs.

    Source: Keras, ``keras.layers.Bidirectional``; Schuster and Paliwal, 1997.

    Example:
        ``Bidirectional(LSTM(4, return_sequences=True))(tl.ones((2, 5, 3)))`` has the shape ``(2, 5, 8)``.
    """

    supports_masking = True

    def __init__(self, layer, merge_mode="concat", weights=None, backward_layer=None, **options):
        super().__init__(**options)
        for argument, value in (("layer", layer), ("backward_layer", backward_layer)):
            if not (value is None and argument == "backward_layer"):
                _check_recurrent(f"{name_of(self)} {argument}", value)
        refuse_unless(f"{name_of(self)} merge_mode", merge_mode, _MODES)
        if weights is not None:
            raise ArgumentError(
                f"{name_of(self)} weights", "None", short_repr(weights), "call set_weights once it is built"
            )
        name = layer.name.removeprefix("forward_")
        self.forward_layer = _copied(layer, name=f"forward_{name}")
        if backward_layer is None:
            backward_layer = _copied(layer, name=f"backward_{name}", go_backwards=not layer.go_backwards)
        self.backward_layer = backward_layer
        for attribute in ("return_sequences", "return_state", "stateful"):
            values = [getattr(each, attribute) for each in (self.forward_layer, backward_layer)]
            if values[0] != values[1]:
                received = f"{values[0]} and {values[1]}"
                raise ArgumentError(f"{name_of(self)} {attribute}", "the same value in both layers", received)
        if self.forward_layer.go_backwards == backward_layer.go_backwards:
            received = f"go_backwards={layer.go_backwards} in both"
            raise ArgumentError(f"{name_of(self)} backward_layer", "layers of different directions", received)
        self.merge_mode = merge_mode
        self.return_sequences, self.return_state = layer.return_sequences, layer.return_state
        for each in (self.forward_layer, backward_layer):
            each.zero_output_for_mask = each.return_sequences  # as in Keras

    @property
    def samplewise(self):
        """Whether both layers are."""
        return bool(self.forward_layer.samplewise and self.backward_layer.samplewise)

    def build(self, input_shape):
        """Build both layers."""
        self.forward_layer.build(input_shape)
        self.backward_layer.build(input_shape)

    def reset_state(self):
        """Set the kept states of both layers to zero."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def compute_mask(self, inputs, previous_mask):
        """Return the mask of the outputs: that of the inputs, if the outputs are sequences."""
        return previous_mask if self.return_sequences else None

    def call(self, sequences, initial_state=None, mask=None, training=False):
        """Compute and merge the outputs of both directions."""
        half = None if initial_state is None else len(initial_state) // 2
        states = [None, None] if half is None else [initial_state[:half], initial_state[half:]]
        forward = self.forward_layer(sequences, initial_state=states[0], mask=mask, training=training)
        backward = self.backward_layer(sequences, initial_state=states[1], mask=mask, training=training)
        after = ()
        if self.return_state:
            after = (*forward[1:], *backward[1:])
            forward, backward = forward[0], backward[0]
        if self.return_sequences:
            backward = tl.flip(backward, axis=1)
        merged = self._merged(forward, backward)
        if not after:
            return merged
        return (*merged, *after) if self.merge_mode is None else (merged, *after)

    def _merged(self, forward, backward):
        if self.merge_mode == "concat":
            return tl.concat([forward, backward], axis=-1)
        if self.merge_mode == "mul":
            return forward * backward
        if self.merge_mode is None:
            return forward, backward
        return (forward + backward) * (0.5 if self.merge_mode == "ave" else 1.0)


def _check_recurrent(who, layer):
    needed = ("go_backwards", "return_sequences", "return_state", "stateful")
    if not isinstance(layer, tl.layers.Layer) or not all(hasattr(layer, name) for name in needed):
        raise ArgumentTypeError(who, "a recurrent layer", short_repr(layer), "give an object such as LSTM(32)")


class TimeDistributed(tl.layers.Layer):
    """Apply a layer to each step of sequences: ``(batch, time, …) → (batch, time, …)``.

    The steps of all samples are one batch for the layer. In Keras each step is a batch of its own, which makes a
    difference only for layers whose outputs depend on the batch, such as `BatchNormalization`.

    Args:
        layer: the layer.
        options: those of every layer, such as ``name``.

    Raises:
        ArgumentTypeError: for something that is not a layer.
        ShapeError: in a call, for inputs of fewer than three axes.

    Source: Keras, ``keras.layers.TimeDistributed``.

    Example:
        ``TimeDistributed(tl.layers.Dense(4))(tl.ones((2, 5, 3)))`` has the shape ``(2, 5, 4)``.
    """

    supports_masking = True

    def __init__(self, layer, **options):
        super().__init__(**options)
        if not isinstance(layer, tl.layers.Layer):
            raise ArgumentTypeError(
                f"{name_of(self)} layer", "a layer", short_repr(layer), "give an object, e.g. Dense(10)"
            )
        self.layer = layer
        self._takes_mask = "mask" in inspect.signature(layer.call).parameters

    @property
    def samplewise(self):
        """Whether the layer is."""
        return bool(self.layer.samplewise)

    def build(self, input_shape):
        """Build the layer for the shape of one step."""
        if not isinstance(input_shape, (list, tuple)) or len(input_shape) < 3:
            raise ShapeError(name_of(self), "inputs of shape (batch, time, …)", short_repr(input_shape))
        self.layer.build((input_shape[0], *input_shape[2:]))

    def call(self, inputs, mask=None, training=False):
        """Compute the outputs of all steps."""
        if inputs.ndim < 3:
            raise ShapeError(name_of(self), "inputs of shape (batch, time, …)", str(inputs.shape))
        batch, time, *sample = inputs.shape
        if mask is not None and mask.shape[:2] != (batch, time):
            raise ShapeError(f"{name_of(self)} mask", f"a shape that begins with {(batch, time)}", str(mask.shape))
        options = {}
        if mask is not None and self._takes_mask:
            options = {"mask": tl.reshape(mask, (batch * time, *mask.shape[2:]))}
        outputs = self.layer(tl.reshape(inputs, (batch * time, *sample)), training=training, **options)
        return tl.reshape(outputs, (batch, time, *outputs.shape[1:]))
