"""A model that names what photographs show, assembled on the user's machine from two packages.

Its language model (SmolLM2-135M-Instruct) and its vision tower (EfficientNet-Lite0) were pretrained
by others on real-world data and are published as Python packages; only the small projector between
them was trained by this project, and is included. ``tam get photo`` combines the three
with :func:`tam.photo.assembly.assemble`; then ``tam.load("photo")`` loads the model.
"""
