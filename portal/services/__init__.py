"""Verbs: the only ones that commit."""
