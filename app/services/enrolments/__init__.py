"""The add flow: its steps, what each asks for and undoes, and how it ends."""
