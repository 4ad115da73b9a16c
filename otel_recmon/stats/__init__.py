"""The maths of quality, intervals, sketches and histograms. It imports nothing else of this package."""
