"""``njit`` as this package uses it, and how a world is handed from function to function.

Numba's defaults cost most of the time of a loop whose functions are handed a dozen arrays.

| Numba                                                      | here                                      |
| ---------------------------------------------------------- | ----------------------------------------- |
| compiles a function anew for each constant argument        | a constant counts as its type only        |
| makes machine code of each function that the loop calls    | links them into the loop only             |
| compiles a function that is called once                    | ``interpreted`` calls it as plain Python  |
| counts references to each array at each call               | nothing counts, see ``njit``              |
| passes each array as seven words (a call costs 50 ns)      | a ``Reference`` is one pointer            |
| writes the types of all fields into the name of a function | it has a short name                       |
| links all that a function calls into it                    | ``enter`` calls an ``entry`` by address   |
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba.core import bytecode, cgutils, compiler, types
from numba.core.codegen import JITCodeLibrary, RuntimeLinker
from numba.core.compiler_lock import global_compiler_lock
from numba.core.errors import UnsupportedError
from numba.core.typing.templates import AttributeTemplate, make_concrete_template
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, register_model
from numba.np.arrayobj import populate_array

# Numba numbers the functions that it compiles, from one in each process, and the number is part of a symbol.
# Kernels that different processes have compiled are loaded side by side: with equal numbers the step of one
# kind would be taken for another's.
bytecode.FunctionIdentity._unique_ids = itertools.count(secrets.randbits(60))


def njit(function: Callable | None = None, allocates: bool = False, **options: Any) -> Any:
    """As ``numba.njit``, with four differences.

    Constants among the arguments make no compilation of their own. A division by zero is infinite or not a
    number instead of an exception. A function that is called by a compiled one is linked into it and never
    becomes machine code of its own. References to arrays are not counted: all arrays belong to Python, which
    outlives the call. A function that makes an array says so (``allocates``); it must not call one that hands
    back a part of that array.
    """
    if function is None:
        return lambda f: njit(f, allocates, **options)
    dispatcher = numba.njit(**{"error_model": "numpy", "_nrt": allocates, **options})(function)
    if hasattr(dispatcher, "get_call_template"):
        _Callee(dispatcher)
    return dispatcher


LINKS = all(
    hasattr(JITCodeLibrary, name)
    for name in (
        "_optimize_final_module", "_finalize_final_module", "_finalize_dynamic_globals",
        "_verify_declare_only_symbols",
    )
)  # fmt: skip
"""Whether this Numba has what ``_Linked`` replaces. Without it each callee is also compiled on its own: the
same results after more than twice the time."""


class _Linked(JITCodeLibrary):
    """The intermediate code of a function that only compiled functions call.

    Numba optimizes it and makes it machine code once for the function itself, and once more for each function
    that it is linked into. Here only the function that Python calls is optimized and made machine code.
    """

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        if any(v.name.startswith(RuntimeLinker.PREFIX) for v in self._final_module.global_variables):
            raise UnsupportedError(
                f"{self.name} takes part in a recursion: compiled functions of the twin do not"
            )
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


class _Callee:
    """Answers Numba's questions about a compiled function that another compiled function calls."""

    def __init__(self, dispatcher: Any) -> None:
        self.dispatcher = dispatcher
        self.linked: dict[tuple, Any] = {}  # types of the arguments → compiled to be linked
        self.of_numba = dispatcher.get_call_template, dispatcher.add_overload
        dispatcher.get_call_template = self.call_template
        if LINKS:
            dispatcher.get_overload, dispatcher.add_overload = self.overload, self.add_overload

    def call_template(self, args: tuple, kws: dict) -> Any:
        """The function's type for these types of arguments; it is compiled if it has not been."""
        plain = tuple(types.unliteral(kind) for kind in args)
        named = {name: types.unliteral(kind) for name, kind in kws.items()}
        if not LINKS:
            return self.of_numba[0](plain, named)
        signature, plain = self.dispatcher._compiler.fold_argument_types(plain, named)
        if plain not in self.linked:
            with self.dispatcher._compiling_counter:
                self.linked[plain] = self._compile(plain)
        name = self.dispatcher.py_func.__name__
        template = make_concrete_template(name, key=name, signatures=[self.linked[plain].signature])
        return template, signature, plain, {}

    def overload(self, args: tuple) -> Any:
        """The key under which Numba finds the function when it compiles a call."""
        return self.linked[tuple(args)].entry_point

    def add_overload(self, result: Any) -> None:
        """Python can call the function from now on; what is linked into it has to find its own constants."""
        for environment in result._find_referenced_environments():
            result.library.codegen.set_env(environment.env_name, environment)
        self.of_numba[1](result)

    def _compile(self, args: tuple) -> Any:
        context, function = self.dispatcher.targetdescr.target_context, self.dispatcher.py_func
        library = _Linked(context.codegen(), function.__qualname__)
        result = _without_wrappers(self.dispatcher, args, None, library)
        key = object()
        context.insert_user_function(key, result.fndesc, [library])
        return result._replace(entry_point=key)


def _without_wrappers(dispatcher: Any, args: tuple, returns: Any, library: Any = None) -> Any:
    """``dispatcher`` compiled for these types of arguments, to be called by compiled functions only."""
    target = dispatcher.targetdescr
    flags: Any = compiler.Flags()
    target.options.parse_as_flags(flags, dispatcher.targetoptions)
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    return compiler.compile_extra(
        target.typing_context, target.target_context, dispatcher.py_func, args, returns, flags, {},
        library=library,
    )  # fmt: skip


def entry(function: Callable, world: Any) -> Any:
    """``function(t, w, i, slot, p, s)`` as machine code of its own, for ``enter``: what Numba has compiled.

    It can be kept on disk, see ``object_of``. ``world`` is the type of the tuple of arrays that ``w`` points
    to; all else, and the result, are whole numbers. ``p`` and ``s`` are addresses, see ``record_at``.
    """
    number = types.int64
    arguments = (number, Reference(world), number, number, number, number)
    with global_compiler_lock:
        result = _without_wrappers(njit(function), arguments, number)
        result.library.finalize()  # machine code first: only that has a place for constants
    for environment in result._find_referenced_environments():
        result.library.codegen.set_env(environment.env_name, environment)
    return result


def object_of(compiled: Any) -> tuple[str, bytes]:
    """The symbol of an ``entry``, and the object file that has it (``twin.base.machine_code``)."""
    return compiled.fndesc.llvm_func_name, compiled.library._get_compiled_object()


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

    @property
    def mangling_args(self) -> tuple[str, tuple]:
        """What stands for it in the names of compiled functions, which also have a number of their own."""
        return f"Reference_{self.target.instance_class.__name__}", ()


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


def _borrowed(typing_context: Any, array: Any) -> Any:
    """``array`` without counting references to it. Only for the length of a call from Python."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _uncounted(context, builder, signature.args[0], arguments[0])

    return array(array), generate


def _uncounted(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    view = context.make_array(kind)(context, builder, array)
    view.meminfo = cgutils.get_null_value(view.meminfo.type)
    return view._getvalue()


def _enter(typing_context: Any, address: Any, t: Any, w: Any, i: Any, slot: Any, p: Any, s: Any) -> Any:
    """Call the ``entry`` at ``address``; what it raises is raised here."""
    number = types.int64
    arguments = (number, w, number, number, number, number)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        convention = context.call_conv
        place = convention.get_function_type(number, arguments).as_pointer()
        function = builder.inttoptr(values[0], place)
        status, result = convention.call_function(builder, function, number, arguments, values[1:])
        with cgutils.if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return result

    return number(number, *arguments), generate


def record_at(dtype: np.dtype) -> Any:
    """A function (address, n) → row n of the records of this type that begin there. Uncompiled, the address
    is the array itself."""
    if _INTERPRETED:
        return lambda rows, n: rows[n]
    record = numba.from_dtype(dtype)

    def row(typing_context: Any, address: Any, n: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            size = context.get_constant(types.int64, dtype.itemsize)
            place = builder.add(values[0], builder.mul(values[1], size))
            return builder.inttoptr(place, context.get_value_type(record))

        return record(types.int64, types.int64), generate

    return intrinsic(row)


def records_at(dtype: np.dtype) -> Any:
    """A function (address, n) → the array of n records of this type that begins there."""
    kind = types.Array(numba.from_dtype(dtype), 1, "C")

    def rows(typing_context: Any, address: Any, n: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            size = context.get_constant(types.int64, dtype.itemsize)
            data = builder.inttoptr(values[0], context.get_data_type(kind.dtype).as_pointer())
            array = context.make_array(kind)(context, builder)
            populate_array(array, data, [values[1]], [size], size, None)
            return array._getvalue()

        return kind(types.int64, types.int64), generate

    return intrinsic(rows)


def _as_it_is(value: Any) -> Any:
    return value


def _call(function: Callable, *arguments: Any) -> Any:
    return function(*arguments)


_INTERPRETED = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]
borrowed: Any = _as_it_is if _INTERPRETED else intrinsic(_borrowed)
enter: Any = _call if _INTERPRETED else intrinsic(_enter)
