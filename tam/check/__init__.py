"""What the model used, measured: parts of the picture are hidden, and the reply is read again.

A map is evidence, not cause. :func:`tam.check.words.check` hides the region that a word's map marks
and other regions of the same shape, and keeps with the explanation what each costs the word;
:func:`tam.check.box.without` hides a region that a person names and gives every word's loss. Both
read the reply as it stands (teacher forcing), through :mod:`tam.replay`.
"""
