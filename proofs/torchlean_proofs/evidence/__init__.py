"""How theorems about the code that runs are obtained.

The functions of the spec, and the bodies of the kernels, are plain Python over a
number system. Run over symbols, they leave a graph of what they compute (`term`,
`symbols`, `kernels`); from the one graph come queries to a solver (`solver`), values
in any number system (`evaluation`), and the replay that holds the graph to compiled
code (`adequacy`). Wrong variants of a function come from its syntax tree (`mutants`).
"""
