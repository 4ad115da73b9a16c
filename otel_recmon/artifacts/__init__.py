"""The files that are generated from the catalog and the configuration; never imported inside a service."""
