"""Runs a program put together from a document's fragments: like a module, but
with await at the top level, as the fragments are written."""
import ast
import asyncio
import inspect
import sys

path = sys.argv[1]
with open(path) as f:
    code = compile(f.read(), path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
scope = {"__name__": "__main__"}
result = eval(code, scope)
if inspect.iscoroutine(result):
    asyncio.run(result)
