"""A document as sentences, to see whether each can be understood at first reading."""

import re
from collections.abc import Iterator

CODE = "x"  # what stands for a piece of code in a sentence: one word
NO_END = re.compile(r"\b(e\.g|i\.e|vs|etc|cf|no|St)\.", re.IGNORECASE)


def sentences(markdown: str) -> Iterator[str]:
    """Every sentence of a document: of its paragraphs, its list items and the cells of its tables."""
    for block in _blocks(_words_only(markdown)):
        text = NO_END.sub(r"\1", " ".join(block.split()))
        yield from (s for s in re.split(r"(?<=[.?!])[)\"'*_]*\s+", text) if s)


def length(sentence: str) -> int:
    """Words: what has a letter or a digit in it."""
    return sum(any(c.isalnum() for c in word) for word in sentence.split())


def _words_only(markdown: str) -> str:
    """Without code blocks, comments and the addresses of links."""
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "\n", markdown)
    text = re.sub(r"(?m)(?<=\n\n)(?: {4,}.*\n)+", "\n", text)
    text = re.sub(r"(?s)<!--.*?-->", "\n", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"(`+)[^`]+\1", CODE, text)


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs, headings, list items, cells."""
    for paragraph in re.split(r"\n\s*\n", text):
        if all(line.startswith("    ") for line in paragraph.splitlines()):
            continue  # a picture, or code
        if paragraph.lstrip().startswith("|"):
            yield from (cell for row in paragraph.splitlines() for cell in row.strip().strip("|").split("|"))
        else:
            yield from re.split(r"(?m)^\s*(?:[-*]|\d+\.|#+|>)\s+", paragraph)
