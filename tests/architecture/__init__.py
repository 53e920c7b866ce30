"""Tests of the rules that the whole house keeps."""
