"""The parser `iterative`: templates from comparing masked messages, without settings per system.

`mask_rules` (the table) and `mask` (the lexer) find the variables that give themselves away by
their looks; `grouping` compares what is left.
"""
