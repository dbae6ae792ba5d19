"""Characters: pieces of token ids, words, function words, printable text and file-name slugs."""
