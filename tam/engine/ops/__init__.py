"""The method's arithmetic, one folder for each op.

Every op has a ``naive`` module, plain NumPy in float64, which is its definition; a ``torch``
module, vectorised for any device; and a ``triton`` one for CUDA. The functions of one op share its
name and signature. :mod:`tam.engine.ops.dispatch` is the only place that chooses between them.

All arrays of maps are target-major: row t of [K, N] is the map of target t.
"""
