"""The rank Gaussian filter: a denoising filter that favors the middle ranks of a window."""
