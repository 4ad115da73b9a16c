"""Statistics: intervals, histograms, diversity, coverage and sketches. This package imports no other package."""
