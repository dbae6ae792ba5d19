"""Results: explanations, words, merge rules, and the definitions of a word's strength."""
