"""Ringfold."""
