from importlib.util import find_spec

# Triton, and so the kernels, exist only for Linux and Windows.
collect_ignore = [] if find_spec("triton") else ["test_triton.py", "test_compiled.py"]
