"""Checks of what the model used: hide parts of the picture, and read the reply again.

A map is evidence, not a cause. :func:`tam.check.words.check` hides the region that a word's map
marks and other regions of the same shape, and stores the word's losses with the explanation;
:func:`tam.check.box.without` hides a region that the user names, and returns every word's loss.
Both read the same reply again (teacher forcing), through :mod:`tam.replay`.
"""
