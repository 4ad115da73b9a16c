"""The generated pages and tables of the documentation. The package may import `alerts`, but not `render`."""
