"""Design C without its horizon: a job of a transaction that was open for long is handed out at its commit.

A line's progress is two snapshots: what the older one saw has been handed out, and the jobs that only
the newer one saw are being handed out, in the order of (transaction, place). This is PgQ's idea.
"""

from __future__ import annotations

from pages import SCHEMA, Pages
from testbed import BODY, NOW, Link

TABLES, _, CLAIM = SCHEMA.partition("CREATE FUNCTION")
HEAD, _, _ = CLAIM.partition("#variable_conflict")
FIELDS, _, _ = CLAIM.partition("SELECT seq, id, task")[2].partition("FROM jobs;")
PROGRESS = """
ALTER TABLE dutiful.lease ADD seen pg_snapshot NOT NULL, ADD target pg_snapshot NOT NULL;
"""
FUNCTION = (
    "CREATE FUNCTION"
    + HEAD
    + """
#variable_conflict use_column
DECLARE
  spot record;
  old pg_snapshot;
  new pg_snapshot;
  latest pg_snapshot;
  passed xid8;
  first xid8;
  place bigint;
  is_latest boolean;
  given bigint;
  room integer := most;
  found_now integer;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(wanted, 7));
  latest := pg_current_snapshot();
  FOR spot IN
    SELECT line.priority AS rank, last.*
    FROM dutiful.line LEFT JOIN LATERAL (
      SELECT upto_xid, upto_seq, seen, target FROM dutiful.lease
      WHERE lease.queue = line.queue AND lease.priority = line.priority ORDER BY id DESC LIMIT 1
    ) AS last ON true
    WHERE line.queue = wanted ORDER BY line.priority DESC
  LOOP
    old := coalesce(spot.seen, '1:1:'::pg_snapshot);
    new := coalesce(spot.target, latest);
    is_latest := spot.target IS NULL;
    passed := coalesce(spot.upto_xid, '0'::xid8);
    place := coalesce(spot.upto_seq, 0);
    LOOP
      -- One bound alone: of two, the index may begin at the lower.
      first := greatest(passed, pg_snapshot_xmax(old));
      given := nextval('dutiful.lease_id_seq');
      RETURN QUERY WITH jobs AS MATERIALIZED (
        SELECT * FROM (
          (SELECT body.* FROM pg_snapshot_xip(old) AS open (late) CROSS JOIN LATERAL (
            SELECT * FROM dutiful.body
            WHERE body.queue = wanted AND body.priority = spot.rank AND body.xid = late
              AND (body.xid, body.seq) > (passed, place)
            ORDER BY body.xid, body.seq LIMIT room
          ) AS body WHERE pg_visible_in_snapshot(late, new))
          UNION ALL
          (SELECT * FROM dutiful.body
          WHERE body.queue = wanted AND body.priority = spot.rank
            AND (body.xid, body.seq) > (first, CASE WHEN passed < first THEN 0 ELSE place END)
            AND body.xid < pg_snapshot_xmax(new)
            AND pg_visible_in_snapshot(body.xid, new)
          ORDER BY body.xid, body.seq LIMIT room)
        ) AS body ORDER BY body.xid, body.seq LIMIT room
      ), leased AS (
        INSERT INTO dutiful.lease (
          id, upto_xid, upto_seq, started_at, priority, queue, worker, seen, target
        )
        SELECT given, xid, seq, {now}, spot.rank, wanted, who, old, new
        FROM jobs ORDER BY xid DESC, seq DESC LIMIT 1
      )
      SELECT seq, id, task"""
    + FIELDS
    + """FROM jobs;
      GET DIAGNOSTICS found_now = ROW_COUNT;
      room := room - found_now;
      EXIT WHEN room <= 0 OR is_latest;
      old := new;
      new := latest;
      is_latest := true;
      passed := '0'::xid8;
      place := 0;
    END LOOP;
    EXIT WHEN room <= 0;
  END LOOP;
END
$$;
"""
)


class LatePages(Pages):
    """Claims find what commits late, at the price of a probe for each transaction open before."""

    name = "C, late commits found"

    def create(self, link: Link) -> None:
        body = BODY.replace("{id}", 'text COLLATE "C"')
        text = TABLES + PROGRESS + FUNCTION
        link.script(text.replace("{body}", body).replace("{now}", NOW))
        self.maintain(link)
