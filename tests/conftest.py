"""What every test relies on; that this file is here lets all of them import `strategies`."""

import signal

from hypothesis import settings

# A runner in the background (nohup, some CI) ignores Ctrl-C, and so would the programs it starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long one example takes says more about the machine than about us: no deadline. With CI set,
# Hypothesis' own profile makes every run try the same examples; else each tries others.
settings.register_profile("logpipe", settings(), deadline=None)
settings.load_profile("logpipe")
