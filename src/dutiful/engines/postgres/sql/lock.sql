-- Lock jobs in the order in which every statement locks them, before statements that each lock
-- some of them.
SELECT FROM {schema}.job WHERE id = ANY ($1::text[]) ORDER BY id FOR UPDATE
