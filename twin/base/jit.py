"""``njit`` as this package uses it, and how a world is handed from function to function.

Three things that Numba does by default cost most of the time of a loop whose functions are handed a dozen
arrays: it compiles a function anew for each constant that it is called with (the loop took two minutes to
compile), it counts references to each array at each call, and it passes each array as seven words (a call
cost 50 ns). Here a constant argument counts as its type only, and ``by_reference`` passes the arrays as one
pointer, uncounted.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numba
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, register_model


def njit(function: Callable | None = None, **options: Any) -> Any:
    """As ``numba.njit``; constants among the arguments make no compilation of their own, and a division by
    zero is infinite or not a number instead of an exception."""
    if function is None:
        return lambda f: njit(f, **options)
    dispatcher = numba.njit(**{"error_model": "numpy", **options})(function)
    if hasattr(dispatcher, "get_call_template"):
        _forget_constants(dispatcher)
    return dispatcher


def _forget_constants(dispatcher: Any) -> None:
    resolve = dispatcher.get_call_template

    def get_call_template(args: tuple, kws: dict) -> Any:
        plain = {name: types.unliteral(kind) for name, kind in kws.items()}
        return resolve(tuple(types.unliteral(kind) for kind in args), plain)

    dispatcher.get_call_template = get_call_template


def interpreted(function: Callable) -> Callable:
    """``function``, and every function of this package that it calls, as plain Python.

    Work that is done once a run takes milliseconds so, and seconds if it is compiled first. The results are
    the same to the last bit; a division by zero is Python's, an exception or a warning.
    """
    plain = getattr(function, "py_func", function)
    names = _interpreted_names(plain.__globals__)
    again = FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__, plain.__closure__)
    again.__kwdefaults__ = plain.__kwdefaults__
    return again


_modules: dict[int, tuple[dict, dict]] = {}  # id of a module's names → (the names, the same interpreted)


def _interpreted_names(names: dict[str, Any]) -> dict[str, Any]:
    if id(names) not in _modules:
        again = dict(names)
        _modules[id(names)] = names, again  # first, for functions that call each other
        again.update({name: interpreted(value) for name, value in names.items() if _is_ours(value)})
    return _modules[id(names)][1]


def _is_ours(value: Any) -> bool:
    if isinstance(value, FunctionType):
        return value.__module__.partition(".")[0] == __package__.partition(".")[0]
    return hasattr(value, "py_func")


class Reference(types.Type):
    """A pointer to a named tuple of arrays that lives as long as the function that made the pointer."""

    def __init__(self, target: types.NamedTuple) -> None:
        self.target = target
        super().__init__(name=f"Reference({target})")


@register_model(Reference)
class _ReferenceModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Reference) -> None:
        super().__init__(manager, kind, manager.lookup(kind.target).get_value_type().as_pointer())


@infer_getattr
class _ReferenceFields(AttributeTemplate):
    key = Reference

    def generic_resolve(self, reference: Reference, name: str) -> Any:  # type: ignore[override]
        fields = reference.target.fields
        return reference.target[fields.index(name)] if name in fields else None


@lower_getattr_generic(Reference)
def _load_field(context: Any, builder: Any, kind: Reference, pointer: Any, name: str) -> Any:
    place = kind.target.fields.index(name)
    return builder.load(cgutils.gep_inbounds(builder, pointer, 0, place))


def _by_reference(typing_context: Any, world: Any) -> Any:
    """``world`` (a named tuple of arrays) as one pointer, its arrays uncounted. Only for the length of a call
    from Python, which holds the arrays."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        fields = cgutils.unpack_tuple(builder, arguments[0])
        views = [_uncounted(context, builder, *pair) for pair in zip(signature.args[0], fields, strict=True)]
        return cgutils.alloca_once_value(builder, context.make_tuple(builder, signature.args[0], views))

    return Reference(world)(world), generate


def _borrowed(typing_context: Any, array: Any) -> Any:
    """``array`` without counting references to it. Only for the length of a call from Python."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _uncounted(context, builder, signature.args[0], arguments[0])

    return array(array), generate


def _uncounted(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    view = context.make_array(kind)(context, builder, array)
    view.meminfo = cgutils.get_null_value(view.meminfo.type)
    return view._getvalue()


def _as_it_is(value: Any) -> Any:
    return value


_INTERPRETED = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]
by_reference: Any = _as_it_is if _INTERPRETED else intrinsic(_by_reference)
borrowed: Any = _as_it_is if _INTERPRETED else intrinsic(_borrowed)
