"""The alerts: conditions on signals, and their rules under some settings; may import `signals` and below."""
