"""Tests of the native stack without its processes."""
