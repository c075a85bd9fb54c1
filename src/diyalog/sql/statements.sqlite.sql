-- name: create_staging
CREATE TEMP TABLE ending_rule (
  event   TEXT PRIMARY KEY,
  sources TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason  TEXT,
  deletes INTEGER NOT NULL,
  timed   INTEGER NOT NULL,
  state   TEXT NOT NULL
) WITHOUT ROWID;
CREATE TEMP TABLE ending (
  n                INTEGER PRIMARY KEY,
  command          TEXT NOT NULL,
  wait             INTEGER,
  event            TEXT NOT NULL,
  customer         INTEGER,
  sealed_message   BLOB,
  told             INTEGER NOT NULL,
  access_key       TEXT,
  sealed_requester BLOB,
  repeated         INTEGER NOT NULL DEFAULT 0 -- it had won before: what follows from that is stored already
)

-- name: write_ending_rule
INSERT INTO temp.ending_rule VALUES (:event, :sources, :outcome, :reason, :deletes, :timed, :state)

-- name: stage_endings
INSERT INTO temp.ending
SELECT key, value ->> 0,
       CASE WHEN value ->> 1 IS NOT NULL THEN value ->> 1
            WHEN value ->> 3 IS NOT NULL THEN
              coalesce((SELECT id FROM wait WHERE interaction_id = value ->> 3 AND state <> 'ENDED'),
                       (SELECT max(id) FROM wait WHERE interaction_id = value ->> 3))
            ELSE (SELECT id FROM wait WHERE session_id = value ->> 2) END,
       value ->> 4, value ->> 5, substr(:sealed, value ->> 6, value ->> 7), value ->> 8, value ->> 9,
       substr(:sealed, value ->> 10, value ->> 11), 0
FROM jsonb_each(:commands);
UPDATE temp.ending SET repeated = 1 FROM wait AS w WHERE w.id = ending.wait AND w.command = ending.command

-- name: end_waits
UPDATE wait
SET state = r.state, outcome = r.outcome, reason = r.reason, sealed_message = e.sealed_message, command = e.command,
    ended_at = :now, seq = seq + 1, acknowledged_at = CASE WHEN e.told THEN :now END,
    sealed_request = CASE WHEN wait.state = 'REQUESTED' OR r.state = 'CONNECTED' THEN sealed_request END
FROM temp.ending AS e CROSS JOIN temp.ending_rule AS r ON r.event = e.event
WHERE wait.id = e.wait
  AND instr(r.sources, wait.state) > 0
  AND (e.customer IS NULL OR e.customer = wait.customer)
  AND (NOT r.timed OR wait.due_at <= :now)

-- name: write_ended_audit
INSERT INTO audit (at, wait, event, outcome, access_key, sealed_requester, node)
SELECT :now, w.id, e.event, w.outcome, e.access_key, e.sealed_requester, :node
FROM temp.ending AS e JOIN wait AS w ON w.id = e.wait AND w.command = e.command AND NOT e.repeated

-- name: write_deletes
INSERT INTO outbox (kind, wait, interaction_id, attempt, first_at, due_at)
SELECT 'delete', w.id, w.interaction_id, 0, :now, :now
FROM temp.ending AS e JOIN temp.ending_rule AS r ON r.event = e.event JOIN wait AS w ON w.id = e.wait AND w.command = e.command AND NOT e.repeated
WHERE r.deletes AND w.interaction_id IS NOT NULL AND w.queue = 'http'

-- name: count_ended
INSERT INTO tally (name, count)
SELECT w.outcome, count(*)
FROM temp.ending AS e JOIN wait AS w ON w.id = e.wait AND w.command = e.command AND NOT e.repeated
WHERE true GROUP BY w.outcome
ON CONFLICT (name) DO UPDATE SET count = count + excluded.count

-- name: read_ended
SELECT json_group_array(json_array(
         w.id, w.session_id, w.customer, w.interaction_id, w.help_type, w.state, w.outcome, w.reason,
         CASE WHEN w.command <> e.command THEN hex(w.sealed_message) END,
         w.started_at, w.ended_at, w.seq, w.acknowledged_at, w.command,
         CASE WHEN w.command <> e.command AND e.event = 'not_delivered' THEN
           EXISTS (SELECT 1 FROM wait AS o
                   WHERE o.customer = w.customer AND o.state <> 'ENDED' AND o.outcome IS NULL AND o.id <> w.id) END)
         ORDER BY e.n)
FROM temp.ending AS e LEFT JOIN wait AS w ON w.id = e.wait

-- name: clear_endings
DELETE FROM temp.ending

-- name: outstanding_sessions
SELECT session_id FROM wait WHERE state = 'REQUESTED' AND answer_by > :now

-- name: find_idempotency
SELECT body, verdict, wait, status, sealed_answer FROM idempotency WHERE scope = :scope

-- name: write_idempotency
INSERT INTO idempotency (scope, body, at, wait, verdict) VALUES (:scope, :body, :now, :wait, :verdict)
ON CONFLICT (scope) DO UPDATE SET wait = excluded.wait, verdict = excluded.verdict WHERE verdict = 'HELD'

-- name: know_idempotency
SELECT 1 FROM idempotency WHERE scope = :scope

-- name: release_idempotency
DELETE FROM idempotency WHERE scope = :scope

-- name: write_answer
UPDATE idempotency SET status = :status, sealed_answer = :answer WHERE scope = :scope AND status IS NULL

-- name: before_start
SELECT w.id, w.state, t.interaction_id
FROM (SELECT 1)
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
        CASE WHEN :queue = 'builtin' THEN (
          SELECT CASE WHEN p.reason = 'replaced' AND p.ended_at > :now - 600000 THEN p.line_at ELSE (
                   SELECT coalesce(p.line_at, p.started_at) FROM conversation AS c
                   WHERE c.wait = p.id AND c.ended_by = 'agent_lost' AND c.ended_at > :now - 600000) END
          FROM wait AS p WHERE p.customer = :customer ORDER BY p.id DESC LIMIT 1) END)
RETURNING id

-- name: name_builtin_interaction
UPDATE wait SET interaction_id = :interaction WHERE id = :wait

-- name: write_audits
INSERT INTO audit (at, wait, event, node) SELECT :now, value, :event, :node FROM json_each(:waits) ORDER BY key

-- name: count_many
INSERT INTO tally (name, count) VALUES (:name, :count) ON CONFLICT (name) DO UPDATE SET count = count + excluded.count

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
SELECT wait FROM outbox WHERE id = :delivery AND attempt = :attempt AND unresolved = 0

-- name: answered_wait
SELECT w.id, w.session_id, w.customer, w.interaction_id, w.help_type, w.state, w.outcome, w.reason, w.sealed_message,
       w.started_at, w.ended_at, w.seq, w.acknowledged_at, w.command,
       EXISTS (SELECT 1 FROM wait AS o
               WHERE o.interaction_id = :interaction AND o.state <> 'ENDED' AND o.id <> w.id),
       EXISTS (SELECT 1 FROM outbox AS d WHERE d.kind = 'delete' AND d.interaction_id = :interaction)
FROM outbox AS c JOIN wait AS w ON w.id = c.wait
WHERE c.id = :delivery AND c.attempt = :attempt AND c.unresolved = 0

-- name: finish_delivery
DELETE FROM outbox WHERE id = :delivery AND attempt = :attempt

-- name: postpone_delivery
UPDATE outbox SET due_at = :retry_at, lease_node = NULL WHERE id = :delivery AND attempt = :attempt

-- name: keep_unresolved
UPDATE outbox SET unresolved = 1, lease_node = NULL WHERE id = :delivery AND attempt = :attempt

-- name: take_interaction
UPDATE wait SET state = 'WAITING', interaction_id = :interaction, queued_at = :now, seq = seq + 1, command = :command
WHERE id = :wait AND state = 'REQUESTED'

-- name: store_late_interaction
UPDATE wait SET interaction_id = :interaction, sealed_request = CASE WHEN state = 'CONNECTED' THEN sealed_request END WHERE id = :wait

-- name: forget_request
UPDATE wait SET sealed_request = NULL WHERE id = :wait AND state = 'ENDED'

-- name: due_deliveries
SELECT o.id, o.kind, o.attempt, o.first_at, o.interaction_id, w.session_id, w.sealed_request, w.state, w.outcome,
       EXISTS (SELECT 1 FROM wait AS l WHERE l.interaction_id = o.interaction_id AND l.state <> 'ENDED')
FROM outbox AS o JOIN wait AS w ON w.id = o.wait
WHERE o.unresolved = 0 AND o.due_at <= :now ORDER BY o.due_at, o.id LIMIT :limit

-- name: due_requests
SELECT o.id, o.kind, o.attempt, o.first_at, o.interaction_id, w.session_id, w.sealed_request, w.state, w.outcome, 0
FROM wait AS w INDEXED BY wait_requested JOIN outbox AS o ON o.wait = w.id
WHERE w.state = 'REQUESTED' AND o.kind = 'create' AND o.unresolved = 0 AND o.due_at <= :now ORDER BY o.due_at, o.id LIMIT :limit

-- name: claim_delivery
UPDATE outbox SET attempt = attempt + 1, lease_node = :node, due_at = :lease_until WHERE id = :delivery

-- name: acknowledge
UPDATE wait SET acknowledged_at = :now
WHERE id = :wait AND outcome IS NOT NULL AND acknowledged_at IS NULL AND 1 + (queued_at IS NOT NULL) <= :seq
RETURNING id, :now - ended_at

-- name: keep_node
INSERT INTO node (id, beat_at) VALUES (:node, :now) ON CONFLICT (id) DO NOTHING

-- name: connect
UPDATE wait SET present = :node, seen_at = :now, due_at = limit_at WHERE id = :wait AND state <> 'ENDED'

-- name: disconnect
UPDATE wait SET present = NULL, seen_at = :now, due_at = min(limit_at, :now + abandon_ms)
WHERE id = :wait AND state <> 'ENDED' AND present = :node

-- name: touch
UPDATE wait SET seen_at = :now, due_at = min(limit_at, :now + abandon_ms)
WHERE id = :wait AND state <> 'ENDED' AND present IS NULL

-- name: find_node
SELECT beat_at FROM node WHERE id = :node

-- name: beat
INSERT INTO node (id, beat_at) VALUES (:node, :now) ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at

-- name: silent_nodes
SELECT id, beat_at FROM node WHERE id <> :node AND beat_at <= :before

-- name: unknown_nodes
SELECT DISTINCT present FROM wait INDEXED BY wait_due WHERE present IS NOT NULL AND outcome IS NULL AND present <> :node
  AND present NOT IN (SELECT id FROM node)

-- name: release_customers
UPDATE wait INDEXED BY wait_due SET present = NULL, seen_at = :seen_at, due_at = min(limit_at, :seen_at + abandon_ms)
WHERE present = :gone AND outcome IS NULL

-- name: release_deliveries
UPDATE outbox SET due_at = :now, lease_node = NULL WHERE lease_node = :gone AND unresolved = 0

-- name: release_all_deliveries
UPDATE outbox SET due_at = :now, lease_node = NULL WHERE lease_node IS NOT NULL AND lease_node <> :node AND unresolved = 0

-- name: remove_node
DELETE FROM node WHERE id = :gone

-- name: forget_idempotency
DELETE FROM idempotency WHERE scope IN (SELECT scope FROM idempotency WHERE at <= :before LIMIT :limit)

-- name: forget_hashes
DELETE FROM transaction_hash WHERE digest IN (SELECT digest FROM transaction_hash WHERE expires_at <= :now LIMIT :limit)

-- name: forget_tokens
DELETE FROM client_token WHERE digest IN (SELECT digest FROM client_token WHERE issued_at <= :before LIMIT :limit)

-- name: old_waits
-- A conversation goes with its wait, and counts from its own end.
SELECT id FROM (
  SELECT w.id, w.state, CASE WHEN w.outcome = 'CONNECTED' THEN (SELECT c.ended_at FROM conversation AS c WHERE c.wait = w.id)
                        ELSE w.ended_at END AS over_at
  FROM wait AS w ORDER BY w.id LIMIT :limit)
WHERE state = 'ENDED' AND over_at <= :before

-- name: old_transcripts
-- From one conversation that has events to the next, by the key: past those that go on, but not through all.
WITH RECURSIVE kept (wait, n) AS (
  SELECT min(wait), 1 FROM conversation_event WHERE wait > 0
  UNION ALL
  SELECT (SELECT min(e.wait) FROM conversation_event AS e WHERE e.wait > kept.wait), n + 1
  FROM kept WHERE kept.wait IS NOT NULL AND n < 10 * :limit)
SELECT c.wait FROM kept JOIN conversation AS c ON c.wait = kept.wait WHERE c.ended_at <= :before ORDER BY c.wait LIMIT :limit

-- name: forget_unresolved
DELETE FROM outbox WHERE wait = :wait AND unresolved = 1

-- name: forget_wait
DELETE FROM wait WHERE id = :wait AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.wait = :wait)

-- name: forget_requesters
UPDATE audit SET sealed_requester = NULL
WHERE id IN (SELECT id FROM audit WHERE at <= :before AND sealed_requester IS NOT NULL LIMIT :limit)

-- name: forget_customers
DELETE FROM customer WHERE id IN (
  SELECT id FROM customer AS c WHERE seen_at <= :before AND barred_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM wait AS w WHERE w.customer = c.id) LIMIT :limit)

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

-- name: waits_by_rows
SELECT id, session_id, customer, interaction_id, help_type, state, outcome, reason, sealed_message, started_at, ended_at,
       seq, acknowledged_at, command, queued_at FROM wait WHERE id IN (SELECT value FROM json_each(:waits))

-- name: current_wait
SELECT id, session_id, customer, interaction_id, help_type, state, outcome, reason, sealed_message, started_at, ended_at,
       seq, acknowledged_at, command, queued_at FROM wait WHERE customer = :customer AND state <> 'ENDED'

-- name: unacknowledged_wait
SELECT id, session_id, customer, interaction_id, help_type, state, outcome, reason, sealed_message, started_at, ended_at,
       seq, acknowledged_at, command, queued_at FROM wait
WHERE customer = :customer AND state = 'ENDED'
  AND (acknowledged_at IS NULL
       OR outcome = 'CONNECTED' AND EXISTS (SELECT 1 FROM conversation AS c WHERE c.wait = wait.id AND c.acknowledged_at IS NULL))
ORDER BY id DESC LIMIT 1

-- name: read_heads
SELECT json_group_array(json_array(w.id, w.seq, w.state <> 'ENDED' AND w.present IS NULL)) FROM json_each(:waits) AS j JOIN wait AS w ON w.id = j.value

-- name: due_waits
SELECT id, limit_at <= :now FROM wait WHERE outcome IS NULL AND due_at <= :now ORDER BY due_at LIMIT :limit

-- name: read_line
SELECT json_group_array(id ORDER BY coalesce(line_at, started_at), id) FROM wait WHERE outcome IS NULL

-- name: read_tally
SELECT json_array(
  json((SELECT json_group_object(name, count) FROM tally)),
  (SELECT count(*) FROM wait WHERE outcome IS NULL),
  (SELECT count(*) FROM wait WHERE state = 'REQUESTED'),
  json((SELECT json_group_array(json_array(kind, unresolved, number, first_at))
        FROM (SELECT kind, unresolved, count(*) AS number, min(first_at) AS first_at FROM outbox GROUP BY kind, unresolved))))

-- name: read_unresolved
SELECT w.session_id, o.first_at, o.attempt FROM outbox AS o JOIN wait AS w ON w.id = o.wait
WHERE o.unresolved = 1 ORDER BY o.first_at
