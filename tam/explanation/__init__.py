"""Results: explanations, words, merge rules, and the only definitions of a word's strength."""
