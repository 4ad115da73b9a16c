"""Answers to questions of cost, as ratios measured in one run; nothing here is a test."""
