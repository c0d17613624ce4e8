"""Constructors that take the arguments of other classes, in Keras's order, without listing them again."""

import functools
import inspect


def with_arguments_of(*classes, **places):
    """Decorate a constructor that has ``**options``: let it take those of other classes, by position or by name.

    The constructor receives all of them by name. Its signature has the arguments of each class in turn, then its own.

    Args:
        classes: the classes.
        places: for an argument of the constructor the one after which it comes, instead of the last.
    """

    def decorate(init):
        own = named_parameters(init)
        others = [each for cls in classes for each in named_parameters(cls.__init__)]
        listed = [each for each in others if each.name not in {parameter.name for parameter in own}]
        for each in own:
            names = [parameter.name for parameter in listed]
            listed.insert(names.index(places[each.name]) + 1 if each.name in places else len(names), each)
        itself, *_, options = inspect.signature(init).parameters.values()
        signature = init.__signature__ = inspect.Signature([itself, *listed, options])

        @functools.wraps(init)
        def wrapper(self, *args, **kwargs):
            given = signature.bind(self, *args, **kwargs).arguments
            options = given.pop("options", {})
            init(**given, **options)

        return wrapper

    return decorate


def named_parameters(init):
    """Return the parameters of a constructor after ``self``, except ``**options``."""
    return [each for each in list(inspect.signature(init).parameters.values())[1:] if each.kind is not each.VAR_KEYWORD]
