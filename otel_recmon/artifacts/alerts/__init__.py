"""The alerts: their definitions, conditions and rules. May import `signals` and the layers below."""
