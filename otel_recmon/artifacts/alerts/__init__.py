"""The alerts: their definitions, conditions and rules. The package may import `signals` and the layers below."""
