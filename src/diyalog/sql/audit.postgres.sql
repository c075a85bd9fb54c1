-- name: audit_ends
SELECT coalesce((SELECT min(id) FROM audit), 1), coalesce((SELECT max(id) FROM audit), 0),
       coalesce((SELECT max(last_id) FROM audit_link), 0)

-- name: newest_audit_row
SELECT coalesce((SELECT max(id) FROM audit), 0),
       ARRAY(SELECT DISTINCT virtualtransaction FROM pg_locks
             WHERE relation = CAST('audit' AS regclass) AND mode = 'RowExclusiveLock' AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))

-- name: count_audit_writers
SELECT count(*) FROM pg_locks
WHERE relation = CAST('audit' AS regclass) AND mode = 'RowExclusiveLock' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND virtualtransaction = ANY (CAST(:writers AS text[]))

-- name: count_strange_objects
WITH ours AS MATERIALIZED (
  SELECT name, to_regclass(name) AS oid
  FROM unnest(ARRAY['schema_version', 'setting', 'access_key', 'customer', 'transaction_hash', 'client_token', 'wait',
                    'audit', 'outbox', 'idempotency', 'node', 'tally', 'audit_link', 'audit_cut', 'staff', 'staff_token',
                    'conversation', 'conversation_event', 'staff_event', 'offer', 'pass', 'note']) AS names (name)
), parts (class, oid) AS (
  SELECT CAST('pg_class' AS regclass), CAST(oid AS oid) FROM ours
  UNION ALL SELECT 'pg_class', indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM ours)
  UNION ALL SELECT 'pg_attrdef', oid FROM pg_attrdef WHERE adrelid IN (SELECT oid FROM ours)
  UNION ALL SELECT 'pg_constraint', oid FROM pg_constraint WHERE conrelid IN (SELECT oid FROM ours)
)
SELECT (SELECT count(*) FROM ours LEFT JOIN pg_class AS c ON c.oid = ours.oid
        WHERE c.relkind IS DISTINCT FROM 'r' OR c.relpersistence <> 'p' OR c.relrowsecurity)
     + (SELECT count(*) FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM ours) AND NOT tgisinternal)
     + (SELECT count(*) FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM ours))
     + (SELECT count(*) FROM pg_inherits
        WHERE inhrelid IN (SELECT oid FROM ours) OR inhparent IN (SELECT oid FROM ours))
     -- Functions, operators and types that are not the database's own; the tables name none.
     + (SELECT count(*) FROM parts JOIN pg_depend AS d ON d.classid = parts.class AND d.objid = parts.oid
        WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_opclass'::regclass, 'pg_type'::regclass))
     + (SELECT count(*) FROM (VALUES
          ('id', 'bigint'), ('at', 'bigint'), ('wait', 'bigint'), ('event', 'text'), ('outcome', 'text'),
          ('access_key', 'text'), ('sealed_requester', 'bytea'), ('node', 'text')) AS made (name, type)
        LEFT JOIN pg_attribute AS a ON a.attrelid = to_regclass('audit') AND a.attname = made.name
        WHERE format_type(a.atttypid, a.atttypmod) IS DISTINCT FROM made.type)
     -- Ids that a connection keeps for later would appear behind those that are linked.
     + (SELECT count(*) FROM pg_sequence AS s RIGHT JOIN (SELECT 1) AS one
          ON s.seqrelid = to_regclass(pg_get_serial_sequence('audit', 'id'))
        WHERE (s.seqcache = 1 AND s.seqincrement = 1 AND NOT s.seqcycle) IS NOT TRUE)

-- name: audit_erased_until
SELECT coalesce(max(erased_until), 0) FROM audit_link

-- name: highest_wait
SELECT greatest(pg_sequence_last_value(to_regclass(pg_get_serial_sequence('wait', 'id'))),
                (SELECT max(id) FROM wait), 0)

-- name: audit_links
SELECT last_id, row_count, from_at, to_at, linked_at, erased_until, content, requesters, link, seal
FROM audit_link WHERE last_id > :after ORDER BY last_id LIMIT :limit

-- name: newest_audit_links
SELECT last_id, row_count, from_at, to_at, linked_at, erased_until, content, requesters, link, seal
FROM audit_link ORDER BY last_id DESC LIMIT :limit

-- name: audit_links_of_time
SELECT last_id, row_count, from_at, to_at, linked_at, erased_until, content, requesters, link, seal
FROM audit_link WHERE last_id > :after AND to_at >= :since AND from_at < :before ORDER BY last_id LIMIT :limit

-- name: audit_link_before
SELECT last_id, row_count, from_at, to_at, linked_at, erased_until, content, requesters, link, seal
FROM audit_link WHERE last_id < :before ORDER BY last_id DESC LIMIT 1

-- name: lock_audit_links
LOCK TABLE audit_link IN SHARE ROW EXCLUSIVE MODE

-- name: append_audit_link
INSERT INTO audit_link (last_id, row_count, from_at, to_at, linked_at, erased_until, content, requesters, link, seal)
SELECT CAST(:last_id AS bigint), CAST(:row_count AS bigint), CAST(:from_at AS bigint), CAST(:to_at AS bigint),
       CAST(:linked_at AS bigint), CAST(:erased_until AS bigint),
       CAST(:content AS bytea), CAST(:requesters AS bytea), CAST(:link AS bytea), CAST(:seal AS bytea)
WHERE (SELECT max(last_id) FROM audit_link) IS NOT DISTINCT FROM CAST(:previous AS bigint)
RETURNING last_id

-- name: audit_rows
SELECT count(*), coalesce(max(id), 0), coalesce(min(at), 0), coalesce(max(at), 0),
       coalesce(string_agg(convert_to(
         '1'
         || 'i' || octet_length(CAST(id AS text)) || ':' || id
         || coalesce('i' || octet_length(CAST(at AS text)) || ':' || at, 'n')
         || coalesce('i' || octet_length(CAST(wait AS text)) || ':' || wait, 'n')
         || coalesce('t' || octet_length(convert_to(event, 'UTF8')) || ':' || event, 'n')
         || coalesce('t' || octet_length(convert_to(outcome, 'UTF8')) || ':' || outcome, 'n')
         || coalesce('t' || octet_length(convert_to(access_key, 'UTF8')) || ':' || access_key, 'n')
         || coalesce('t' || octet_length(convert_to(node, 'UTF8')) || ':' || node, 'n'),
         'UTF8'), '' ORDER BY id), ''),
       coalesce(json_agg(json_build_array(id, coalesce('b' || encode(sealed_requester, 'hex'), 'n')) ORDER BY id), '[]')
FROM (SELECT * FROM audit WHERE id > :after AND id <= :until ORDER BY id LIMIT :limit) AS batch

-- name: audit_disagreeing
SELECT a.id FROM audit AS a JOIN wait AS w ON w.id = a.wait
WHERE a.id > :after AND a.id <= :until
  AND CASE WHEN a.outcome IS NOT NULL THEN a.at IS DISTINCT FROM w.ended_at OR a.outcome IS DISTINCT FROM w.outcome
           WHEN a.event = 'start' THEN a.at IS DISTINCT FROM w.started_at
           WHEN a.event = 'queue_took' THEN a.at IS DISTINCT FROM w.queued_at
           WHEN a.event = 'conversation_ended' THEN a.at IS DISTINCT FROM (SELECT ended_at FROM conversation AS c WHERE c.wait = w.id)
           ELSE false END
ORDER BY a.id LIMIT :limit

-- name: audit_waits
SELECT id, started_at, CASE WHEN queue = 'http' AND queued_at > started_at THEN queued_at END, ended_at,
       (SELECT c.ended_at FROM conversation AS c WHERE c.wait = wait.id)
FROM wait WHERE id > :after ORDER BY id LIMIT :limit

-- name: audit_names
SELECT a.id, w.session_id, convert_to(a.access_key, 'UTF8'), a.sealed_requester
FROM audit AS a LEFT JOIN wait AS w ON w.id = a.wait
WHERE a.id > :after AND a.id <= :until ORDER BY a.id LIMIT :limit

-- name: read_audit_cut
SELECT last_id, before_at, cut_at, seal FROM audit_cut

-- name: write_audit_cut
INSERT INTO audit_cut (only_one, last_id, before_at, cut_at, seal) VALUES (1, :last_id, :before_at, :cut_at, :seal)
ON CONFLICT (only_one) DO UPDATE SET last_id = excluded.last_id, before_at = excluded.before_at,
                                     cut_at = excluded.cut_at, seal = excluded.seal

-- name: delete_cut_rows
DELETE FROM audit WHERE id <= :last_id
