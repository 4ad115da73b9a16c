"""Pure functions of numbers: intervals, histograms, diversity, coverage and sketches. Imports no other package."""
