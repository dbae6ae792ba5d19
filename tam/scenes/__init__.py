"""Generated scenes with exact masks, and the small models that were trained on them."""
