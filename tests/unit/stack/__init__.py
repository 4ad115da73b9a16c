"""Tests of the native stack: the parts that need no process."""
