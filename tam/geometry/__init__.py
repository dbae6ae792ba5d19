"""Numbers of space: vision and text layouts, grids, boxes, and upsampling to pixels."""
