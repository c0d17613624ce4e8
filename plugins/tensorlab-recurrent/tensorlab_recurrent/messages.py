"""How messages name a layer."""


def name_of(layer):
    """Return the class and the name of a layer: ``LSTM 'lstm'``."""
    return f"{type(layer).__name__} {layer.name!r}"
