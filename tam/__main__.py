"""``python -m tam``."""

from tam.cli import main

if __name__ == "__main__":
    main()
