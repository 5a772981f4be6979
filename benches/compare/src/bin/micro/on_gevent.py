"""The measurements on gevent: on_gevent.py MEASURE, see measures.rs. Fewer of each: it is slower."""

import os
import sys
import time

import gevent
from gevent.event import Event
from gevent.lock import Semaphore
from gevent.pool import Pool
from gevent.queue import Queue

SPAWNS = 20_000
SWITCHES = 100_000
ITEMS = 100_000
TURNS = 50_000
WAITERS = 1000
SETS = 5
PARKED = 20_000
LATENCIES = 400
SLEEPERS = 100_000


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def per(count, begun):
    return [(time.perf_counter() - begun) * 1e9 / count]


def spawned(live):
    begun = time.perf_counter()
    for _ in range(SPAWNS // live):
        for greenlet in [gevent.spawn(int) for _ in range(live)]:
            greenlet.get()
    return per(SPAWNS, begun)


def switch():
    def yields():
        for _ in range(SWITCHES // 2):
            gevent.sleep(0)

    begun = time.perf_counter()
    gevent.joinall([gevent.spawn(yields), gevent.spawn(yields)])
    return per(SWITCHES, begun)


def parked():
    never = Event()
    before = resident()
    waiting = [gevent.spawn(never.wait) for _ in range(PARKED)]
    gevent.sleep(0.01)
    return [(resident() - before) / len(waiting)]


def event():
    total = 0
    for _ in range(SETS):
        told = Event()
        waiting = [gevent.spawn(told.wait) for _ in range(WAITERS)]
        gevent.sleep(0.01)
        begun = time.perf_counter()
        told.set()
        gevent.joinall(waiting)
        total += time.perf_counter() - begun
    return [total * 1e9 / (SETS * WAITERS)]


def queue():
    items = Queue(100)

    def puts():
        for item in range(ITEMS):
            items.put(item)

    begun = time.perf_counter()
    gevent.spawn(puts)
    for _ in range(ITEMS):
        items.get()
    return per(ITEMS, begun)


def semaphore():
    permit = Semaphore(1)

    def holds():
        for _ in range(TURNS // 10):
            with permit:
                gevent.sleep(0)

    begun = time.perf_counter()
    gevent.joinall([gevent.spawn(holds) for _ in range(10)])
    return per(TURNS, begun)


def pool():
    places = Pool(100)
    begun = time.perf_counter()
    for _ in range(SPAWNS):
        places.spawn(int)
    places.join()
    return per(SPAWNS, begun)


def timeout():
    late = []
    for _ in range(LATENCIES):
        begun = time.perf_counter()
        with gevent.Timeout(0.001, False):
            gevent.sleep(10)
        late.append((time.perf_counter() - begun) * 1e6 - 1000)
    late.sort()
    return [late[len(late) // 2], late[len(late) * 99 // 100]]


def sleep():
    before, begun, used = resident(), time.perf_counter(), time.process_time()
    sleeping = [gevent.spawn(gevent.sleep, 1) for _ in range(SLEEPERS)]
    gevent.sleep(0)
    asleep = resident()
    gevent.joinall(sleeping)
    late = time.perf_counter() - begun - 1
    used = time.process_time() - used
    return [used * 1e9 / SLEEPERS, late * 1e3, (asleep - before) / SLEEPERS, SLEEPERS]


MEASURES = {
    "spawn-join": lambda: spawned(1),
    "spawn-1000": lambda: spawned(1000),
    "switch": switch,
    "parked": parked,
    "event": event,
    "queue": queue,
    "semaphore": semaphore,
    "pool": pool,
    "timeout": timeout,
    "sleep": sleep,
}

if sys.argv[1] in MEASURES:
    print(*MEASURES[sys.argv[1]]())
    sys.stdout.flush()
    os._exit(0)  # those that still wait are not waited for
