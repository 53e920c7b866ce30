"""The bundled provider: what it draws and how it judges, without the library; with it, what it sees."""
