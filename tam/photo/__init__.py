"""A model that names what photographs show, assembled on the user's machine from two packages.

Its language model (SmolLM2-135M-Instruct) and its vision tower (EfficientNet-Lite0) were trained on
the world by others and are published as Python packages; only the small projector between them was
trained here, and comes along. :func:`tam.photo.assembly.assemble` puts the three together, what
``tam get photo`` does; then ``tam.load("photo")`` finds the model.
"""
