"""Exchanges read into slates and events; knows no framework."""
