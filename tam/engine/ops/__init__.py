"""The method's arithmetic, one folder for each op.

Every op has three modules: ``naive``, plain NumPy in float64, is its definition; ``torch`` is
vectorised and runs on any device; ``triton`` runs on CUDA. The functions of one op share its name
and signature. :mod:`tam.engine.ops.dispatch` is the only place that chooses between them.

All arrays of maps are target-major: row t of [K, N] is the map of target t.
"""
