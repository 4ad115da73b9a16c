"""Small recommenders as teams write them: no telemetry in sight, the plugin has to cope."""
