"""Rules for everything that a person reads: plain words, and sentences that end."""

import re

from .prose import length, sentences
from .tree import Tree

SENTENCE_WORDS = 25
UNPLAIN = ("nought", "told apart", "in hand", "whose doing", "of no account", "so many", "ill")
READ_BY_PEOPLE = (".md", ".py", ".j2", ".yaml", ".sql")
PLACES = ("twin/", "ui/", "scenarios/", "topology/", "data/", "docs/")

_UNPLAIN = re.compile(r"\b(?:" + "|".join(UNPLAIN).replace(" ", r"\s+") + r")\b", re.IGNORECASE)


def plain_words(tree: Tree) -> list[str]:
    """Nobody has to look a word up: UNPLAIN occurs in no document, message, docstring or comment."""
    return [
        f"{name}: {' '.join(match[0].split())}"
        for name, text in tree.items()
        if name.endswith(READ_BY_PEOPLE) and ("/" not in name or name.startswith(PLACES))
        for match in _UNPLAIN.finditer(text)
    ]


def sentence_length(tree: Tree) -> list[str]:
    """In a document no sentence has more than SENTENCE_WORDS words, code apart."""
    return [
        f"{name}: {' '.join(sentence.split())}"
        for name, text in tree.items()
        if name.endswith(".md")
        for sentence in sentences(text)
        if length(sentence) > SENTENCE_WORDS
    ]
