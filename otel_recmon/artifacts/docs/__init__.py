"""The generated pages and tables of the documentation; may import `alerts` and below, not `render`."""
