"""All bugs that are planted, whichever file they are in."""

from . import calendar_mutations
from .mutations import MUTATIONS, SEEDS_FILE, Mutation, first_seed

__all__ = ["MUTATIONS", "SEEDS_FILE", "Mutation", "calendar_mutations", "first_seed"]
