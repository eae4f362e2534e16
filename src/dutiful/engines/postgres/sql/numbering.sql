-- The newest by their ids are among those with the highest numbers. The sequence is asked after the
-- rows were fixed, so it can only have gone on. Who may not use it gives out no numbers.
SELECT
  (SELECT max(seq) FROM (SELECT seq FROM {schema}.job ORDER BY id DESC LIMIT 100) AS newest),
  CASE WHEN has_sequence_privilege(sequence, 'USAGE')
    THEN coalesce(pg_sequence_last_value(sequence::regclass), 0) END
FROM pg_get_serial_sequence({job}, 'seq') AS sequence
