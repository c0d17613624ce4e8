"""Examples for the test of documents.

>>> 1 + 1
2
"""

VALUE = 1
"""An attribute: ``>>> VALUE``"""


class Class:
    """A class without an example."""

    def method(self) -> None:
        """Have a wrong example.

        >>> 1 + 1
        3
        """
