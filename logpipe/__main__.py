"""`python -m logpipe` is `logpipe`."""

from logpipe.cli import main

if __name__ == "__main__":
    main()
