"""A recommender without a line about metrics, real traffic for it, and the proof that its metrics are right."""
