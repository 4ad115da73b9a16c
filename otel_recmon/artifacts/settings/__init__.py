"""The settings of recmon.toml, checked and with their defaults."""
