"""Statistics: intervals, histograms, diversity, coverage and sketches. Imports no other package of otel-recmon."""
