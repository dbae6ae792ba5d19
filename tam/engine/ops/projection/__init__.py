"""Scores ``S[t, p] = relu(<h[p], W[y[t]]>)``: how strongly a state predicts a token."""
