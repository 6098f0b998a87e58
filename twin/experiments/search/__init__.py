"""The cheapest set of mitigations and settings that meets a goal.

| Module | What it does |
|---|---|
| ``goals`` | reads the goal and judges it |
| ``choices`` | says what there is to choose from |
| ``plans`` | divides the budget |
| ``proposals`` | proposes what to try next, from what has been tried |
| ``racing`` | tries sets in the same realizations, and gives up early on those that miss the goal |
| ``finding`` | puts these together, and confirms its result in fresh realizations |
"""

from twin.experiments.search.choices import Choice, ChoiceSpace, Part, choice_space
from twin.experiments.search.finding import Confirmed, SearchResult, search, searched
from twin.experiments.search.goals import Goal, Term, TermResult, parse_goal
from twin.experiments.search.plans import BudgetTooSmall, SearchPlan, Wanted, search_plan
from twin.experiments.search.racing import Tried

__all__ = [
    "BudgetTooSmall", "Choice", "ChoiceSpace", "Confirmed", "Goal", "Part", "SearchPlan", "SearchResult",
    "Term", "TermResult", "Tried", "Wanted", "choice_space", "parse_goal", "search", "search_plan",
    "searched",
]  # fmt: skip
