"""A demo recommender without metrics code, real traffic for it, and a check of the exported metrics."""
