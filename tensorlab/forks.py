"""The lock for what is done once a process: imports at first use, loading plugins, making kernels.

A fork waits for it. Otherwise a child could begin while another thread, which it does not have, holds the lock of a
module that it is importing or is half-way through a compilation; the child would wait for that thread for ever.
"""

from __future__ import annotations

import os
import threading

guard = threading.RLock()
"""Reentrant, for a signal handler, a finalizer or a plugin may compute while its thread holds it."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=guard.acquire, after_in_parent=guard.release, after_in_child=guard.release)
