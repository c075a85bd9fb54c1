-- name: audit_ends
SELECT coalesce((SELECT min(id) FROM audit), 1), coalesce((SELECT max(id) FROM audit), 0),
       coalesce((SELECT max(last_id) FROM audit_link), 0)

-- name: count_strange_objects
SELECT count(*) FROM sqlite_schema
WHERE type = 'trigger' OR type <> 'table' AND name IN ('audit', 'audit_link', 'audit_cut', 'wait')

-- name: audit_erased_until
SELECT coalesce(max(erased_until), 0) FROM audit_link

-- name: highest_wait
SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'wait'), 0), coalesce((SELECT max(id) FROM wait), 0))

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

-- name: append_audit_link
INSERT INTO audit_link (last_id, row_count, from_at, to_at, linked_at, erased_until, content, requesters, link, seal)
SELECT :last_id, :row_count, :from_at, :to_at, :linked_at, :erased_until, :content, :requesters, :link, :seal
WHERE (SELECT max(last_id) FROM audit_link) IS :previous

-- name: audit_rows
SELECT count(*), coalesce(max(id), 0), coalesce(min(CAST(at AS INTEGER)), 0), coalesce(max(CAST(at AS INTEGER)), 0),
       CAST(coalesce(group_concat(
         '1'
         || 'i' || octet_length(id) || ':' || id
         || coalesce(substr(typeof(at), 1, 1) || octet_length(at) || ':' || at, 'n')
         || coalesce(substr(typeof(wait), 1, 1) || octet_length(wait) || ':' || wait, 'n')
         || coalesce(substr(typeof(event), 1, 1) || octet_length(event) || ':' || event, 'n')
         || coalesce(substr(typeof(outcome), 1, 1) || octet_length(outcome) || ':' || outcome, 'n')
         || coalesce(substr(typeof(access_key), 1, 1) || octet_length(access_key) || ':' || access_key, 'n')
         || coalesce(substr(typeof(node), 1, 1) || octet_length(node) || ':' || node, 'n'),
         '' ORDER BY id), '') AS BLOB),
       json_group_array(json_array(id, substr(typeof(sealed_requester), 1, 1) || hex(sealed_requester)) ORDER BY id)
FROM (SELECT * FROM audit WHERE id > :after AND id <= :until ORDER BY id LIMIT :limit)

-- name: audit_disagreeing
SELECT a.id FROM audit AS a JOIN wait AS w ON w.id = a.wait
WHERE a.id > :after AND a.id <= :until
  AND CASE WHEN a.outcome IS NOT NULL THEN a.at IS NOT w.ended_at OR a.outcome IS NOT w.outcome
           WHEN a.event = 'start' THEN a.at IS NOT w.started_at
           WHEN a.event = 'queue_took' THEN a.at IS NOT w.queued_at
           WHEN a.event = 'conversation_ended' THEN a.at IS NOT (SELECT ended_at FROM conversation AS c WHERE c.wait = w.id)
           ELSE 0 END
ORDER BY a.id LIMIT :limit

-- name: audit_waits
SELECT id, CAST(started_at AS INTEGER),
       CASE WHEN queue = 'http' AND queued_at > started_at THEN CAST(queued_at AS INTEGER) END, CAST(ended_at AS INTEGER),
       (SELECT CAST(c.ended_at AS INTEGER) FROM conversation AS c WHERE c.wait = wait.id)
FROM wait WHERE id > :after ORDER BY id LIMIT :limit

-- name: audit_names
SELECT a.id, w.session_id, CAST(a.access_key AS BLOB), a.sealed_requester FROM audit AS a LEFT JOIN wait AS w ON w.id = a.wait
WHERE a.id > :after AND a.id <= :until ORDER BY a.id LIMIT :limit

-- name: read_audit_cut
SELECT last_id, before_at, cut_at, seal FROM audit_cut

-- name: write_audit_cut
INSERT INTO audit_cut (only_one, last_id, before_at, cut_at, seal) VALUES (1, :last_id, :before_at, :cut_at, :seal)
ON CONFLICT (only_one) DO UPDATE SET last_id = excluded.last_id, before_at = excluded.before_at,
                                     cut_at = excluded.cut_at, seal = excluded.seal

-- name: delete_cut_rows
DELETE FROM audit WHERE id <= :last_id
