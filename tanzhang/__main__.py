"""`python -m tanzhang` is the command `tanzhang`."""

from tanzhang.cli import app

if __name__ == "__main__":
    app(prog_name="tanzhang")
