"""Scores ``S[p, t] = relu(<h[p], W[y[t]]>)``: how strongly a state speaks for a token."""
