"""Tests of the adapters against what their ports promise."""
