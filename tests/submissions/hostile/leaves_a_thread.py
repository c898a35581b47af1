"""Leaves a process behind that looks as if it had ended: its first thread has, and another one goes on."""

import os
import threading
import time

from attempt import end_this_thread
from leaves_a_child import cut_all_ties


def build_model():
    if os.fork() == 0:
        cut_all_ties()
        threading.Thread(target=time.sleep, args=[600]).start()
        end_this_thread()
    time.sleep(1)  # for it to have ended
    return None, {"name": "leaves a thread"}


def add(model, a, b):
    return a + b
