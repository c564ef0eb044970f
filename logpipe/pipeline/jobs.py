"""Jobs that another thread does, or whoever needs the result if none has begun."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["Job", "Workers"]

T = TypeVar("T")


class Job(Generic[T]):
    """A call that is made once, by a worker or by whoever asks first."""

    def __init__(self, call: Callable[[], T], future: Future[T] | None) -> None:
        self._call: Callable[[], T] | None = call
        self._future = future
        self._value: T
        self._error: Exception | None = None

    @property
    def done(self) -> bool:
        """Whether `result` would not have to wait."""
        return self._call is None or (self._future is not None and self._future.done())

    def do(self) -> None:
        """Makes the call here unless it has begun, and waits for nobody."""
        if self._call is None or (self._future is not None and not self._future.cancel()):
            return
        call, self._call, self._future = self._call, None, None
        try:
            self._value = call()
        except Exception as error:
            self._error = error

    def result(self) -> T:
        """What the call returns, or raises."""
        self.do()
        if self._future is not None:
            return self._future.result()
        if self._error is not None:
            raise self._error
        return self._value

    def forget(self) -> None:
        """Does not let the call begin; if it has, waits for its end, whatever that is."""
        if self._future is not None and not self._future.cancel():
            self._future.exception()


class Workers:
    """Threads besides the calling one.

    The calling one works, too: with two threads in all there is one worker, and what it has not
    begun when it is needed is done by the caller. So neither waits while there is something to do.
    """

    def __init__(self, threads: int) -> None:
        self.count = threads - 1
        self._pool: ThreadPoolExecutor | None = None

    def begin(self, call: Callable[[], T]) -> Job[T]:
        """A job for the next worker that is free."""
        if not self.count:
            return Job(call, None)
        if self._pool is None:
            # A small log is done before this is imported.
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self.count, "logpipe")
        return Job(call, self._pool.submit(call))

    def close(self) -> None:
        """Ends the threads once they have done what they have begun."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
