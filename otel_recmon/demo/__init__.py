"""A recommender that measures nothing itself, real traffic for it, and proof that its metrics are right."""
