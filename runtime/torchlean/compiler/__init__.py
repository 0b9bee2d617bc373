"""From a description to a plan: trace, fuse, choose kernels, place, verify.

The stages, one module each: a traced program becomes `steps` without reshapes;
`rewrites` fuse some of them; `select` and its companions turn each into calls of
kernels on a `graph`'s values; `memory` gives those places; `lower` puts rows and
buffers together, `parallel` cuts large rows; `verify` holds the result to what was
meant.
"""
