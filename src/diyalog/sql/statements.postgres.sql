-- name: read_now
SELECT now_ms()

-- name: end_backend
SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity
WHERE pid = ANY (CAST(:lost AS int[])) AND usename = current_user AND application_name = 'diyalog' AND pid <> pg_backend_pid()

-- name: end_waits
WITH rule AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(:rules)
    AS r (event text, sources text, outcome text, reason text, deletes boolean, timed boolean, state text)
), clock AS MATERIALIZED (
  SELECT coalesce(:now, now_ms()) AS now
), asked AS MATERIALIZED (
  SELECT n, c ->> 0 AS command, CAST(c ->> 1 AS bigint) AS id, c ->> 2 AS session_id, c ->> 3 AS interaction_id,
         c ->> 4 AS event, CAST(c ->> 5 AS bigint) AS customer,
         substring(CAST(:sealed AS bytea) FROM CAST(c ->> 6 AS int) FOR CAST(c ->> 7 AS int)) AS sealed_message,
         CAST(c ->> 8 AS boolean) AS told, c ->> 9 AS access_key,
         substring(CAST(:sealed AS bytea) FROM CAST(c ->> 10 AS int) FOR CAST(c ->> 11 AS int)) AS sealed_requester
  FROM jsonb_array_elements(:commands) WITH ORDINALITY AS j (c, n)
), named AS MATERIALIZED (
  SELECT a.*,
         CASE WHEN a.id IS NOT NULL THEN a.id
              WHEN a.interaction_id IS NOT NULL THEN
                coalesce((SELECT w.id FROM wait AS w  -- the one that this command has ended before, if it has
                          WHERE :again AND w.interaction_id = a.interaction_id AND w.command = a.command),
                         (SELECT w.id FROM wait AS w WHERE w.interaction_id = a.interaction_id AND w.state <> 'ENDED'),
                         -- OFFSET 0: by the interaction, never backwards through all waits in search of one.
                         (SELECT max(w.id) FROM (SELECT id FROM wait WHERE interaction_id = a.interaction_id OFFSET 0) AS w))
              ELSE (SELECT w.id FROM wait AS w WHERE w.session_id = a.session_id) END AS wait
  FROM asked AS a
), held AS MATERIALIZED (
  -- In order of their ids, so that no two transactions wait for each other.
  SELECT w.id FROM wait AS w WHERE w.id IN (SELECT wait FROM named) ORDER BY w.id FOR UPDATE
), ended AS (
  UPDATE wait AS w
  SET state = r.state, outcome = r.outcome, reason = r.reason, sealed_message = e.sealed_message, command = e.command,
      ended_at = c.now, seq = w.seq + 1, acknowledged_at = CASE WHEN e.told THEN c.now END,
      sealed_request = CASE WHEN w.state = 'REQUESTED' OR r.state = 'CONNECTED' THEN w.sealed_request END
  FROM named AS e JOIN held AS h ON h.id = e.wait JOIN rule AS r ON r.event = e.event, clock AS c
  WHERE w.id = e.wait
    AND strpos(r.sources, w.state) > 0
    AND (e.customer IS NULL OR e.customer = w.customer)
    AND (NOT r.timed OR w.due_at <= c.now)
  RETURNING w.id, w.session_id, w.customer, w.interaction_id, w.help_type, w.state, w.outcome, w.reason, w.started_at,
            w.ended_at, w.seq, w.acknowledged_at, w.command, w.queue, w.present,
            e.n, e.event, e.access_key, e.sealed_requester, r.deletes
), audited AS (
  INSERT INTO audit (at, wait, event, outcome, access_key, sealed_requester, node)
  SELECT ended_at, id, event, outcome, access_key, sealed_requester, CAST(:node AS text) FROM ended ORDER BY n
), deleted AS (
  INSERT INTO outbox (kind, wait, interaction_id, attempt, first_at, due_at)
  SELECT 'delete', id, interaction_id, 0, ended_at, ended_at
  FROM ended WHERE deletes AND interaction_id IS NOT NULL AND queue = 'http' ORDER BY n
), counted AS (
  INSERT INTO tally (name, part, count) SELECT outcome, CAST(:part AS bigint), count(*) FROM ended GROUP BY outcome ORDER BY outcome
  ON CONFLICT (name, part) DO UPDATE SET count = tally.count + excluded.count
), woken AS (
  SELECT count(pg_notify('diyalog_' || present, rows)) AS nodes
  FROM (SELECT present, string_agg(CAST(id AS text), ',') AS rows
        FROM (SELECT present, id, row_number() OVER (PARTITION BY present ORDER BY id) / 400 AS page
              FROM ended WHERE :notify AND present <> :node) AS others
        GROUP BY present, page) AS pages
)
SELECT (SELECT nodes FROM woken),
       (SELECT coalesce(json_agg(json_build_array(
          coalesce(w.id, e.wait), w.session_id, w.customer, w.interaction_id, w.help_type, w.state, w.outcome, w.reason,
          NULL, w.started_at, w.ended_at, w.seq, w.acknowledged_at, w.command, NULL, w.present) ORDER BY e.n), '[]')
        FROM named AS e LEFT JOIN ended AS w ON w.n = e.n),
       CASE WHEN :holds AND EXISTS (SELECT 1 FROM named WHERE wait IS NULL) THEN
         (SELECT json_agg(session_id) FROM wait WHERE state = 'REQUESTED' AND answer_by > (SELECT now FROM clock)) END

-- name: read_lost
SELECT coalesce(json_agg(json_build_array(
         w.id, w.session_id, w.customer, w.interaction_id, w.help_type, w.state, w.outcome, w.reason,
         encode(w.sealed_message, 'hex'),
         w.started_at, w.ended_at, w.seq, w.acknowledged_at, w.command,
         EXISTS (SELECT 1 FROM wait AS o
                 WHERE o.customer = w.customer AND o.state <> 'ENDED' AND o.outcome IS NULL AND o.id <> w.id),
         w.present,
         EXISTS (SELECT 1 FROM wait AS o
                 WHERE o.interaction_id = w.interaction_id AND o.state <> 'ENDED' AND o.id <> w.id))), '[]')
FROM wait AS w WHERE w.id = ANY (CAST(:waits AS bigint[]))

-- name: find_idempotency
WITH taken AS (
  INSERT INTO idempotency (scope, body, at, verdict) VALUES (:scope, :body, :now, 'HELD')
  ON CONFLICT (scope) DO UPDATE SET scope = excluded.scope
  RETURNING body, verdict, wait, status, sealed_answer, xmax = 0 AS fresh
)
SELECT body, verdict, wait, status, sealed_answer FROM taken WHERE NOT fresh

-- name: write_idempotency
INSERT INTO idempotency (scope, body, at, wait, verdict) VALUES (:scope, :body, :now, :wait, :verdict)
ON CONFLICT (scope) DO UPDATE SET wait = excluded.wait, verdict = excluded.verdict WHERE idempotency.verdict = 'HELD'

-- name: know_idempotency
SELECT 1 FROM idempotency WHERE scope = :scope

-- name: release_idempotency
DELETE FROM idempotency WHERE scope = :scope

-- name: write_answer
UPDATE idempotency SET status = :status, sealed_answer = :answer WHERE scope = :scope AND status IS NULL

-- name: hold_customers
SELECT id FROM customer WHERE id = ANY (CAST(:customers AS bigint[])) ORDER BY id FOR UPDATE

-- name: hold_waits
SELECT id FROM wait WHERE customer = ANY (CAST(:customers AS bigint[])) AND state <> 'ENDED' ORDER BY id FOR UPDATE

-- name: hold_deliveries
SELECT o.id FROM outbox AS o JOIN wait AS w ON w.id = o.wait
WHERE o.id = ANY (CAST(:deliveries AS bigint[])) ORDER BY w.id, o.id FOR UPDATE OF o, w

-- name: before_start
SELECT w.id, w.state, t.interaction_id
FROM (SELECT 1) AS one
LEFT JOIN wait AS w ON w.customer = :customer AND w.state <> 'ENDED'
LEFT JOIN client_token AS t ON t.digest = :digest

-- name: live_interaction
SELECT id, customer FROM wait WHERE interaction_id = :interaction AND state <> 'ENDED'

-- name: take_token_interaction
UPDATE client_token SET interaction_id = NULL WHERE digest = :digest

-- name: insert_wait
INSERT INTO wait (session_id, customer, interaction_id, queue, help_type, state, sealed_request, command, started_at,
                  queued_at, seq, limit_at, abandon_ms, answer_by, due_at, seen_at, needs, line_at)
VALUES (:session, :customer, :interaction, :queue, :help_type, :state, :request, :command, :now,
        :queued_at, :seq, :limit_at, :abandon_ms, :answer_by, :due_at, :now, :needs,
        CASE WHEN CAST(:queue AS text) = 'builtin' THEN (
          SELECT CASE WHEN p.reason = 'replaced' AND p.ended_at > CAST(:now AS bigint) - 600000 THEN p.line_at ELSE (
                   SELECT coalesce(p.line_at, p.started_at) FROM conversation AS c
                   WHERE c.wait = p.id AND c.ended_by = 'agent_lost' AND c.ended_at > CAST(:now AS bigint) - 600000) END
          FROM wait AS p WHERE p.customer = CAST(:customer AS bigint) ORDER BY p.id + 0 DESC LIMIT 1) END)
RETURNING id

-- name: name_builtin_interaction
UPDATE wait SET interaction_id = :interaction WHERE id = :wait

-- name: write_audits
INSERT INTO audit (at, wait, event, node)
SELECT CAST(:now AS bigint), CAST(id AS bigint), CAST(:event AS text), CAST(:node AS text)
FROM jsonb_array_elements_text(:waits) WITH ORDINALITY AS j (id, n) ORDER BY n

-- name: count_many
INSERT INTO tally (name, part, count) VALUES (:name, :part, :count)
ON CONFLICT (name, part) DO UPDATE SET count = tally.count + excluded.count

-- name: insert_create
INSERT INTO outbox (kind, wait, attempt, first_at, due_at, lease_node)
VALUES ('create', :wait, 1, :now, :lease_until, :node)
RETURNING id

-- name: own_create
SELECT id, first_at FROM outbox WHERE wait = :wait AND kind = 'create' AND lease_node = :node AND attempt = 1

-- name: insert_delete
INSERT INTO outbox (kind, wait, interaction_id, attempt, first_at, due_at) VALUES ('delete', :wait, :interaction, 0, :now, :now)

-- name: drop_superseded_deletes
DELETE FROM outbox WHERE kind = 'delete' AND interaction_id = :interaction

-- name: find_delivery
SELECT wait FROM outbox WHERE id = :delivery AND attempt = :attempt AND NOT unresolved FOR UPDATE

-- name: answered_wait
SELECT w.id, w.session_id, w.customer, w.interaction_id, w.help_type, w.state, w.outcome, w.reason, w.sealed_message,
       w.started_at, w.ended_at, w.seq, w.acknowledged_at, w.command,
       EXISTS (SELECT 1 FROM wait AS o
               WHERE o.interaction_id = :interaction AND o.state <> 'ENDED' AND o.id <> w.id),
       EXISTS (SELECT 1 FROM outbox AS d WHERE d.kind = 'delete' AND d.interaction_id = :interaction)
FROM outbox AS c JOIN wait AS w ON w.id = c.wait
WHERE c.id = :delivery AND c.attempt = :attempt AND NOT c.unresolved
FOR UPDATE OF c, w

-- name: finish_delivery
DELETE FROM outbox WHERE id = :delivery AND attempt = :attempt

-- name: postpone_delivery
UPDATE outbox SET due_at = :retry_at, lease_node = NULL WHERE id = :delivery AND attempt = :attempt

-- name: keep_unresolved
UPDATE outbox SET unresolved = true, lease_node = NULL WHERE id = :delivery AND attempt = :attempt

-- name: take_interaction
WITH taken AS (
  UPDATE wait SET state = 'WAITING', interaction_id = :interaction, queued_at = :now, seq = seq + 1, command = :command
  WHERE id = :wait AND state = 'REQUESTED' RETURNING id, present
)
SELECT pg_notify('diyalog_' || present, CAST(id AS text)) FROM taken WHERE :notify AND present <> :node

-- name: store_late_interaction
UPDATE wait SET interaction_id = :interaction, sealed_request = CASE WHEN state = 'CONNECTED' THEN sealed_request END WHERE id = :wait

-- name: forget_request
UPDATE wait SET sealed_request = NULL WHERE id = :wait AND state = 'ENDED'

-- name: due_deliveries
-- Nothing is estimated from how much may be due: then all waits would be read for the sake of a few.
WITH due AS MATERIALIZED (
  SELECT * FROM outbox WHERE NOT unresolved AND due_at <= :now ORDER BY due_at, id LIMIT :limit FOR UPDATE SKIP LOCKED
)
SELECT o.id, o.kind, o.attempt, o.first_at, o.interaction_id, w.session_id, w.sealed_request, w.state, w.outcome,
       (SELECT l.id FROM wait AS l WHERE l.interaction_id = o.interaction_id AND l.state <> 'ENDED') IS NOT NULL
FROM due AS o CROSS JOIN LATERAL (SELECT * FROM wait WHERE id = o.wait LIMIT 1) AS w
ORDER BY o.due_at, o.id

-- name: due_requests
SELECT o.id, o.kind, o.attempt, o.first_at, o.interaction_id, w.session_id, w.sealed_request, w.state, w.outcome, false
FROM wait AS w JOIN outbox AS o ON o.wait = w.id
WHERE w.state = 'REQUESTED' AND o.kind = 'create' AND NOT o.unresolved AND o.due_at <= :now ORDER BY o.due_at, o.id LIMIT :limit
FOR UPDATE OF o SKIP LOCKED

-- name: claim_delivery
UPDATE outbox SET attempt = attempt + 1, lease_node = :node, due_at = :lease_until, claim = :claim WHERE id = :delivery

-- name: claimed_before
SELECT o.id, o.kind, o.attempt - 1, o.first_at, o.interaction_id, w.session_id, w.sealed_request, w.state, w.outcome, false
FROM outbox AS o JOIN wait AS w ON w.id = o.wait
WHERE o.lease_node = :node AND o.claim = :claim AND NOT o.unresolved

-- name: acknowledge
UPDATE wait SET acknowledged_at = now_ms()
WHERE id = :wait AND outcome IS NOT NULL AND acknowledged_at IS NULL AND 1 + CAST(queued_at IS NOT NULL AS integer) <= CAST(:seq AS bigint)
RETURNING id, acknowledged_at - ended_at

-- name: keep_node
INSERT INTO node (id, beat_at) VALUES (:node, now_ms()) ON CONFLICT (id) DO NOTHING

-- name: connect
UPDATE wait SET present = :node, seen_at = now_ms(), due_at = limit_at WHERE id = :wait AND state <> 'ENDED'

-- name: disconnect
UPDATE wait SET present = NULL, seen_at = now_ms(), due_at = least(limit_at, now_ms() + abandon_ms)
WHERE id = :wait AND state <> 'ENDED' AND present = :node

-- name: touch
UPDATE wait SET seen_at = now_ms(), due_at = least(limit_at, now_ms() + abandon_ms)
WHERE id = :wait AND state <> 'ENDED' AND present IS NULL

-- name: find_node
SELECT beat_at FROM node WHERE id = :node

-- name: beat
INSERT INTO node (id, beat_at) VALUES (:node, :now) ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at

-- name: silent_nodes
SELECT id, beat_at FROM node WHERE id <> :node AND beat_at <= :before ORDER BY id FOR UPDATE SKIP LOCKED

-- name: release_customers
WITH held AS MATERIALIZED (
  SELECT id FROM wait WHERE present = :gone AND outcome IS NULL ORDER BY id FOR UPDATE
)
UPDATE wait SET present = NULL, seen_at = :seen_at, due_at = least(limit_at, :seen_at + abandon_ms)
WHERE id IN (SELECT id FROM held) AND present = :gone AND outcome IS NULL

-- name: release_deliveries
UPDATE outbox SET due_at = :now, lease_node = NULL WHERE lease_node = :gone AND NOT unresolved

-- name: remove_node
DELETE FROM node WHERE id = :gone

-- name: forget_idempotency
DELETE FROM idempotency WHERE scope = ANY (ARRAY (
  SELECT scope FROM idempotency WHERE at <= :before ORDER BY at LIMIT :limit FOR UPDATE SKIP LOCKED))

-- name: forget_hashes
DELETE FROM transaction_hash WHERE digest = ANY (ARRAY (
  SELECT digest FROM transaction_hash WHERE expires_at <= :now LIMIT :limit FOR UPDATE SKIP LOCKED))

-- name: forget_tokens
DELETE FROM client_token WHERE digest = ANY (ARRAY (
  SELECT digest FROM client_token WHERE issued_at <= :before ORDER BY issued_at LIMIT :limit FOR UPDATE SKIP LOCKED))

-- name: old_waits
-- A conversation goes with its wait, and counts from its own end, which one that ends meanwhile does not have yet.
SELECT id FROM (
  SELECT w.id, w.state, CASE WHEN w.outcome = 'CONNECTED' THEN (SELECT c.ended_at FROM conversation AS c WHERE c.wait = w.id)
                        ELSE w.ended_at END AS over_at
  FROM wait AS w ORDER BY w.id LIMIT :limit FOR UPDATE OF w SKIP LOCKED) AS first
WHERE state = 'ENDED' AND over_at <= :before

-- name: old_transcripts
-- From one conversation that has events to the next, by the key: past those that go on, but not through all.
WITH RECURSIVE kept (wait, n) AS (
  SELECT min(wait), CAST(1 AS bigint) FROM conversation_event WHERE wait > 0
  UNION ALL
  SELECT (SELECT min(e.wait) FROM conversation_event AS e WHERE e.wait > kept.wait), n + 1
  FROM kept WHERE kept.wait IS NOT NULL AND n < 10 * CAST(:limit AS bigint))
SELECT w.id
FROM kept
CROSS JOIN LATERAL (SELECT ended_at FROM conversation WHERE wait = kept.wait LIMIT 1) AS c
JOIN wait AS w ON w.id = kept.wait
WHERE c.ended_at <= :before ORDER BY w.id LIMIT :limit FOR UPDATE OF w SKIP LOCKED

-- name: forget_unresolved
DELETE FROM outbox WHERE wait = :wait AND unresolved

-- name: forget_wait
DELETE FROM wait WHERE id = :wait AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.wait = :wait)

-- name: forget_requesters
UPDATE audit SET sealed_requester = NULL WHERE id = ANY (ARRAY (
  SELECT id FROM audit WHERE at <= :before AND sealed_requester IS NOT NULL
  ORDER BY at LIMIT :limit FOR UPDATE SKIP LOCKED))

-- name: forget_customers
DELETE FROM customer WHERE id = ANY (ARRAY (
  SELECT c.id FROM customer AS c WHERE c.seen_at <= :before AND c.barred_at IS NULL
    AND (SELECT w.id FROM wait AS w WHERE w.customer = c.id LIMIT 1) IS NULL
  ORDER BY c.seen_at LIMIT :limit FOR UPDATE SKIP LOCKED))

-- name: read_setting
SELECT value FROM setting WHERE name = :name

-- name: write_setting
INSERT INTO setting (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- name: make_setting
INSERT INTO setting (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING

-- name: wait_by_session
SELECT id, session_id, customer, interaction_id, help_type, state, outcome, reason, sealed_message, started_at, ended_at,
       seq, acknowledged_at, command, queued_at FROM wait WHERE session_id = :session

-- name: wait_by_row
SELECT id, session_id, customer, interaction_id, help_type, state, outcome, reason, sealed_message, started_at, ended_at,
       seq, acknowledged_at, command, queued_at FROM wait WHERE id = :wait

-- name: wait_replaced_by
SELECT id, session_id, customer, interaction_id, help_type, state, outcome, reason, sealed_message, started_at, ended_at,
       seq, acknowledged_at, command, queued_at FROM wait WHERE customer = :customer AND command = :command

-- name: wait_changed_by
SELECT id, session_id, customer, interaction_id, help_type, state, outcome, reason, sealed_message, started_at, ended_at,
       seq, acknowledged_at, command, queued_at FROM wait
WHERE id BETWEEN (SELECT max(id) FROM wait) - 10000 AND (SELECT max(id) FROM wait) AND command = :command

-- name: waits_by_rows
SELECT id, session_id, customer, interaction_id, help_type, state, outcome, reason, sealed_message, started_at, ended_at,
       seq, acknowledged_at, command, queued_at FROM wait WHERE id IN (
  SELECT CAST(id AS bigint) FROM jsonb_array_elements_text(:waits) AS j (id))

-- name: current_wait
SELECT id, session_id, customer, interaction_id, help_type, state, outcome, reason, sealed_message, started_at, ended_at,
       seq, acknowledged_at, command, queued_at FROM wait WHERE customer = :customer AND state <> 'ENDED'

-- name: unacknowledged_wait
SELECT id, session_id, customer, interaction_id, help_type, state, outcome, reason, sealed_message, started_at, ended_at,
       seq, acknowledged_at, command, queued_at FROM wait
WHERE customer = :customer AND state = 'ENDED'
  AND (acknowledged_at IS NULL
       OR outcome = 'CONNECTED' AND EXISTS (SELECT FROM conversation AS c WHERE c.wait = wait.id AND c.acknowledged_at IS NULL))
ORDER BY id DESC LIMIT 1

-- name: read_heads
SELECT coalesce(json_agg(json_build_array(w.id, w.seq, w.state <> 'ENDED' AND w.present IS NULL)), '[]')
FROM jsonb_array_elements_text(:waits) AS j (id) JOIN wait AS w ON w.id = CAST(j.id AS bigint)

-- name: due_waits
SELECT id, limit_at <= now_ms() FROM wait WHERE outcome IS NULL AND due_at <= now_ms() ORDER BY due_at LIMIT :limit
FOR UPDATE SKIP LOCKED

-- name: read_line
SELECT coalesce(json_agg(id ORDER BY coalesce(line_at, started_at), id), '[]') FROM wait WHERE outcome IS NULL

-- name: read_tally
SELECT json_build_array(
  (SELECT coalesce(json_object_agg(name, total), '{}') FROM (SELECT name, sum(count) AS total FROM tally GROUP BY name) AS t),
  (SELECT count(*) FROM wait WHERE outcome IS NULL),
  (SELECT count(*) FROM wait WHERE state = 'REQUESTED'),
  (SELECT coalesce(json_agg(json_build_array(kind, unresolved, number, first_at)), '[]')
   FROM (SELECT kind, unresolved, count(*) AS number, min(first_at) AS first_at
         FROM outbox GROUP BY kind, unresolved) AS o))

-- name: read_unresolved
SELECT w.session_id, o.first_at, o.attempt FROM outbox AS o JOIN wait AS w ON w.id = o.wait
WHERE o.unresolved ORDER BY o.first_at
