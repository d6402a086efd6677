"""A pytest plugin for tests that real time passes in, on machines that now and then stand still.

Programs that have a second to answer prove nothing in a second in which none of them could run. So a watch ticks beside
each test. Where one fails, and the watch stood still for longer than STALL in it, it is run once again, and that is said.
Where nothing stood still, what failed has failed.
"""

import threading
import time

import pytest
from _pytest.runner import runtestprotocol

TICK = 0.02  # seconds
STALL = 0.3  # less than any test gives somebody to answer in


class Watch:
    """Measures how long its thread, and so probably nobody, could run."""

    def __init__(self):
        self.longest = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        last = time.monotonic()
        while not self.over.wait(TICK):
            now = time.monotonic()
            self.longest = max(self.longest, now - last - TICK)
            last = now

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    with Watch() as watch:
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if watch.longest > STALL and any(report.failed for report in reports):
        said = f"{item.nodeid} failed, but the machine stood still for {watch.longest:.1f} s: once again"
        item.config.pluginmanager.get_plugin("terminalreporter").write_line(f"\n{said}")
        item.user_properties.clear()
        item._initrequest()  # fixtures anew; there is no public way
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
