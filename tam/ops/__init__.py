"""The method's arithmetic, one folder for each op.

Every op has a ``naive`` module, plain NumPy in float64, which is its definition; a ``torch``
module, vectorised for any device; and room for a ``triton`` one. The functions of one op share its
name and signature. :func:`tam.ops.dispatch.select` is the only place that chooses between them.
"""
