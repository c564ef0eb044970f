"""What every test relies on; that this file is here lets all of them import `strategies`."""

import signal

# A runner in the background (nohup, some CI) ignores Ctrl-C, and so would the programs it starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
