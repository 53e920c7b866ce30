"""HTTP: parse, call one function, shape the answer."""
