"""Tests of the add flow."""
