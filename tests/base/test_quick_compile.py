"""What compiles faster compiles the same."""

from numba.core import compiler, ir
from numba.core.targetconfig import TargetConfig

from twin.base import quick_compile
from twin.base.quick_compile import make_quick

HERE = ir.Loc("here", 1)


def var(name: str) -> ir.Var:
    return ir.Var(None, name, HERE)


def test_flags_are_equal_if_their_options_are() -> None:
    make_quick()
    one, other = compiler.Flags(), compiler.Flags()
    assert TargetConfig.__eq__ is quick_compile._equal and one == other and hash(one) == hash(other)
    other.nrt = one.nrt  # set, to what it is without
    assert one == other
    other.nrt = not one.nrt
    assert one != other and one != "flags"


def test_the_variables_of_an_instruction_are_all_that_it_names() -> None:
    make_quick()
    a, b, c, d = (var(name) for name in "abcd")
    call = ir.Expr.call(a, [b, c], [("key", d)], HERE)
    assert {v.name for v in call.list_vars()} == {"a", "b", "c", "d"}
    pair = ir.Expr.build_map([(a, b), (c, d)], 2, {}, {}, HERE)
    assert [v.name for v in pair.list_vars()] == ["a", "b", "c", "d"]
    assert [v.name for v in ir.Assign(call, a, HERE).list_vars()].count("a") == 2
    assert ir.Expr.getattr(a, "name", HERE).list_vars() == [a]
    assert ir.Expr.getattr(a, "name", HERE)._rec_list_vars(7) == []
