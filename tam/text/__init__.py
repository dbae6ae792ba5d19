"""Text handling: decoding tokens, words, function words, printable text and file-name slugs."""
