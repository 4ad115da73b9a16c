"""What happened, counted and exported: the verbs, the counts, the instruments; knows no HTTP."""
