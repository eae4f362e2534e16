"""Hostile tasks and their ordinary neighbours, in all three isolations, for a real worker."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import time
from random import Random

from dutiful import App, Retry
from tests.fuzz.bodies_deeds import DEEDS, on_loop
from tests.fuzz.bodies_endings import end_process, ending

app = App()
if dump := os.environ.get("DUMP"):
    # Where a worker shows what it does though a body has closed or replaced its streams.
    shown = open(dump, "w")
    faulthandler.enable(file=shown)
    faulthandler.register(signal.SIGPROF, file=shown, all_threads=True)
once = Retry(max_attempts=2, delay=0.2, jitter="none")
sleep = time.sleep


def _deeds(rng: Random) -> None:
    for name in rng.sample(sorted(DEEDS), rng.choice([0, 1, 1, 2])):
        DEEDS[name](rng)


@app.task(retry=once, timeout="2s", hard_timeout="4s")
async def hostile_on_loop(seed: int) -> object:
    rng = Random(seed)
    _deeds(rng)
    if rng.random() < 0.7:
        await on_loop(rng)
    return ending(rng, "loop")


@app.task(retry=once, timeout="2s", hard_timeout="4s")
def hostile_in_thread(seed: int) -> object:
    rng = Random(seed)
    _deeds(rng)
    return ending(rng, "thread")


@app.task(cpu=True, retry=once, timeout="2s", hard_timeout="4s")
def hostile_in_child(seed: int) -> object:
    rng = Random(seed)
    _deeds(rng)
    return ending(rng, "child")


@app.task(retry=once)
async def good_on_loop(number: int) -> int:
    await asyncio.sleep(0.05)
    return number


@app.task(retry=once)
def good_in_thread(number: int) -> int:
    sleep(0.05)
    return number


@app.task(cpu=True, retry=once)
def good_in_child(number: int) -> int:
    sleep(0.05)
    return number


@app.task
async def end_on_loop(seed: int) -> None:
    end_process(Random(seed))
    await asyncio.sleep(5)


@app.task
def end_in_thread(seed: int) -> None:
    end_process(Random(seed))
    sleep(5)


@app.task
async def patient_on_loop(number: int) -> int:
    await asyncio.sleep(0.05)
    return number


@app.task
def patient_in_thread(number: int) -> int:
    sleep(0.05)
    return number


@app.task(cpu=True)
def patient_in_child(number: int) -> int:
    sleep(0.05)
    return number


ENDING = (end_on_loop, end_in_thread)
PATIENT = (patient_on_loop, patient_in_thread, patient_in_child)
HOSTILE = (hostile_on_loop, hostile_in_thread, hostile_in_child)
GOOD = (good_on_loop, good_in_thread, good_in_child)
