"""A file whose examples are collected by a test.

>>> 1 + 1
2
"""

VALUE = 1
"""An attribute: ``>>> VALUE``"""


class Class:
    """A class without an example."""

    def method(self) -> None:
        """Have a wrong one.

        >>> 1 + 1
        3
        """
