"""Several sources and one worker: all are served, and none starves. No ROS needed."""

from hypothesis import given
from hypothesis import strategies as st

from bisenet_ros.inference_worker import RoundRobin

SOURCES = 4


class Source:
    """A one-slot mailbox that notes how many turns of others its item has waited for."""

    def __init__(self, served):
        self.waiting, self.waited, self._served = False, 0, served

    def put(self):
        self.waiting = True

    def serve(self, worker):
        if self.waiting:
            self._served.append(self)
            self.waiting, self.waited = False, 0
            return True
        return False


def _turns(sources):
    turns = RoundRobin()
    for source in sources:
        turns.add(source.serve)
    return turns


# What comes in before each turn of the worker.
@given(st.lists(st.sets(st.integers(0, SOURCES - 1)), max_size=60))
def test_nobody_waits_for_more_than_one_turn_of_each_other(arrivals):
    served = []
    sources = [Source(served) for _ in range(SOURCES)]
    turns = _turns(sources)
    for arrived in arrivals:
        for index in arrived:
            sources[index].put()
        waiting = [source for source in sources if source.waiting]
        assert turns.serve(None) == bool(waiting)
        for source in waiting:
            source.waited += source.waiting
            assert source.waited < SOURCES


def test_sources_that_always_have_something_are_served_alike():
    served = []
    sources = [Source(served) for _ in range(SOURCES)]
    turns = _turns(sources)
    for _ in range(10 * SOURCES):
        for source in sources:
            source.put()
        assert turns.serve(None)
    assert [served.count(source) for source in sources] == [10] * SOURCES


def test_without_sources_there_is_nothing_to_do():
    assert not RoundRobin().serve(None)
