"""`python -m app`: the same as the command `escard`."""

from app.cli import main

if __name__ == "__main__":
    main()
