"""Ctrl-C waits for a clean point, once; a second one does not wait."""

from __future__ import annotations

import signal
import threading

import pytest

from torchlean.interrupt import DeferredInterrupt


def press() -> None:
    """Press Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


def test_the_first_press_waits() -> None:
    """It is raised where the code asks for it, and not before."""
    with DeferredInterrupt() as interrupt:
        interrupt.check()
        press()
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()


def test_the_second_press_does_not_wait() -> None:
    """A run that does not come to a clean point can still be stopped."""
    with DeferredInterrupt():
        press()
        with pytest.raises(KeyboardInterrupt):
            press()


def test_behind_the_block_all_is_as_before() -> None:
    """Python's own handler is back, also after an error in the block."""
    with pytest.raises(RuntimeError), DeferredInterrupt():
        raise RuntimeError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        press()


def test_a_handler_of_the_caller_is_left_alone() -> None:
    """Whoever handles Ctrl-C in another way goes on doing so."""
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        with DeferredInterrupt() as interrupt:
            press()
            assert not interrupt.requested
        assert pressed == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_other_threads_change_no_handler() -> None:
    """Only the main thread may, and another one does not try."""
    seen: list[bool] = []

    def work() -> None:
        with DeferredInterrupt() as interrupt:
            seen.append(interrupt.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
