"""What people have in the five insurances: asked of two authorities, partial when one is silent, printed on demand."""
