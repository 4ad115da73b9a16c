"""The alerts: conditions on signals, and the rules that settings make of them; may import `signals` and below."""
