"""Methods: each turns a recorded run into an explanation, one file each."""
