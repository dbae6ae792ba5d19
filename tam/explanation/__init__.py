"""Results: explanations, words, merge rules, and the only definitions of what a map shows."""
