"""The cheapest set of mitigations and settings that meets a goal.

``goals`` reads what is wanted and judges it; ``choices`` says what there is to choose from; ``proposals``
what to try next, from what has been tried; ``racing`` tries some in the same worlds, and gives up early on
those that will not do; ``finding`` puts it together, and confirms what it found in worlds not seen before.
"""

from twin.experiments.search.choices import Choice, Part, Space, space
from twin.experiments.search.finding import Confirmed, Found, search
from twin.experiments.search.goals import Goal, Judged, Term, parse_goal
from twin.experiments.search.plans import BudgetTooSmall, Plan, Wanted, plan
from twin.experiments.search.racing import Tried

__all__ = [
    "BudgetTooSmall", "Choice", "Confirmed", "Found", "Goal", "Judged", "Part", "Plan", "Space", "Term",
    "Tried", "Wanted", "parse_goal", "plan", "search", "space",
]  # fmt: skip
