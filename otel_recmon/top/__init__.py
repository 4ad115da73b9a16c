"""Live view of one service at a terminal. Imports query, stats and artifacts."""
