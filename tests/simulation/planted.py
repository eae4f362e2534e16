"""All bugs that are planted, whichever file they are in."""

from . import alert_mutations, calendar_mutations
from .mutations import MUTATIONS, SEEDS_FILE, Mutation, first_seed

__all__ = [
    "MUTATIONS",
    "SEEDS_FILE",
    "Mutation",
    "alert_mutations",
    "calendar_mutations",
    "first_seed",
]
