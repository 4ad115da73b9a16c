"""A demo recommender without metrics of its own, real traffic for it, and a check of the exported metrics."""
