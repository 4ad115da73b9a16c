"""The verbs, the counts and the instruments that export them.

It imports the facts, the maths, `values`, `safety` and `sdk`, and no web framework.
"""
