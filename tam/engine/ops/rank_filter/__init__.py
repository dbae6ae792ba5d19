"""The rank Gaussian filter: a denoiser that trusts a window's middle ranks."""
