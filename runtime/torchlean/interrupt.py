"""Ctrl-C at a clean point: between two slices of a run, never inside one.

While the block runs, the first Ctrl-C is remembered and acted upon where the code
asks for it; a second one acts at once.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class DeferredInterrupt:
    """A block in which Ctrl-C waits until it is asked for.

    Only the main thread of a program that treats Ctrl-C as Python does can defer
    it; elsewhere nothing is changed.

    >>> with DeferredInterrupt() as interrupt:
    ...     signal.raise_signal(signal.SIGINT)
    ...     interrupt.requested
    True
    """

    def __init__(self) -> None:
        self.requested = False
        """Whether Ctrl-C was pressed."""
        self._installed = False

    def __enter__(self) -> DeferredInterrupt:
        ours = threading.current_thread() is threading.main_thread()
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._remember)
            self._installed = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._installed = False

    def check(self) -> None:
        """Raise, if Ctrl-C was pressed.

        Raises:
            KeyboardInterrupt: If so.
        """
        if self.requested:
            raise KeyboardInterrupt

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
