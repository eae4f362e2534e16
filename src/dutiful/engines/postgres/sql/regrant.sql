-- Roles that hold all four rights on the first tables get them on what a migration has added.
-- No right is revoked, and none is granted twice.
DO $$
DECLARE
  lacking record;
BEGIN
  FOR lacking IN
    WITH relation AS (
      SELECT oid, relname, relkind, relowner, relacl FROM pg_catalog.pg_class
      WHERE relnamespace = (
        SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = {job}::regclass
      )
        AND relkind IN ('r', 'p', 'v', 'S')
    ), given AS (
      SELECT relation.oid, relname, relowner, acl.grantee, acl.privilege_type
      FROM relation, aclexplode(relation.relacl) AS acl
      WHERE acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'USAGE')
        AND acl.grantee <> relation.relowner
    ), worker AS (
      SELECT grantee FROM given WHERE relname IN ('job', 'worker', 'failure')
      GROUP BY grantee HAVING count(DISTINCT (relname::text, privilege_type)) = 12
    )
    SELECT relation.oid::regclass AS name, CASE
      WHEN relkind = 'S' THEN 'USAGE ON SEQUENCE'
      ELSE 'SELECT, INSERT, UPDATE, DELETE ON TABLE'
    END AS what, CASE
      WHEN worker.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(worker.grantee))
    END AS who
    FROM relation CROSS JOIN worker
    WHERE pg_has_role(relation.relowner, 'USAGE') AND (
      SELECT count(DISTINCT given.privilege_type) FROM given
      WHERE given.oid = relation.oid AND given.grantee = worker.grantee
        AND (given.privilege_type = 'USAGE') = (relkind = 'S')
    ) < CASE WHEN relkind = 'S' THEN 1 ELSE 4 END
  LOOP
    EXECUTE format('GRANT %s %s TO %s', lacking.what, lacking.name, lacking.who);
  END LOOP;
END $$
