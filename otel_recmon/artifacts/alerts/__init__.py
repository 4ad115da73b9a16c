"""The alerts: their rules, conditions and definitions; may import signals and settings."""
