"""Geometry: vision and text layouts, grids, boxes, thresholds, and upsampling to pixels."""
