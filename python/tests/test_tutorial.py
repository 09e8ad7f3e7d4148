"""Runs the blocks of python/tutorial.md in order."""
import re
import sys

try:
    import numpy  # noqa: F401
    import lvm  # noqa: F401
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

text = open("python/tutorial.md", encoding="utf-8").read()
blocks = re.findall(r"```python\n(.*?)```", text, flags=re.S)
assert len(blocks) >= 7, "the tutorial has lost its blocks"
names = {}
for number, block in enumerate(blocks, 1):
    line = text[: text.index(block)].count("\n")
    exec(compile("\n" * line + block, "python/tutorial.md", "exec"), names)
print(f"{len(blocks)} blocks ran")
