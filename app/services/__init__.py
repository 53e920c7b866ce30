"""What the product does, one package or module a domain, in transactions; plain values in, models or values out."""
