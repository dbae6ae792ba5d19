from importlib.util import find_spec

# Triton exists for Linux and Windows alone; so do the kernels.
collect_ignore = [] if find_spec("triton") else ["test_triton.py", "test_compiled.py"]
