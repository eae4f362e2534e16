"""A module of a user's that cannot be imported: the name below does not exist."""

from tests.chaos.ledger import no_such_name

app = no_such_name
