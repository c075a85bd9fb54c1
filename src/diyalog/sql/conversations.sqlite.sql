-- Conversations between a customer and a member of the staff.

-- name: session_wait
SELECT id, customer FROM wait WHERE session_id = :session

-- name: interaction_wait
SELECT id, customer FROM wait WHERE interaction_id = :interaction ORDER BY state <> 'ENDED' DESC, id DESC LIMIT 1

-- name: customer_wait
SELECT w.id, w.customer FROM customer AS c JOIN wait AS w ON w.customer = c.id
WHERE c.lookup = :lookup ORDER BY w.state <> 'ENDED' DESC, w.id DESC LIMIT 1

-- name: conversation_of_wait
SELECT c.staff, s.lookup, s.sealed_profile, c.started_at, c.ended_at, c.ended_by, c.acknowledged_at,
       c.customer_received, c.customer_read, c.customer_typing_at, c.agent_received, c.agent_read, c.agent_typing_at
FROM conversation AS c JOIN staff AS s ON s.id = c.staff WHERE c.wait = :wait

-- name: begin_conversation
INSERT INTO conversation (wait, staff, started_at) VALUES (:wait, :staff, :now)

-- name: end_conversation
UPDATE wait
SET state = 'ENDED',
    sealed_request = CASE WHEN EXISTS (SELECT 1 FROM outbox WHERE outbox.wait = :wait AND kind = 'create' AND NOT unresolved)
                     THEN sealed_request END
WHERE id = :wait AND state = 'CONNECTED' RETURNING id

-- name: close_conversation
UPDATE conversation SET ended_at = :now, ended_by = :by, command = :command WHERE wait = :wait

-- name: ended_by_command
SELECT wait FROM conversation WHERE wait = :wait AND command = :command

-- name: acknowledge_conversation
UPDATE conversation SET acknowledged_at = :now
WHERE wait = :wait AND ended_at IS NOT NULL AND acknowledged_at IS NULL
  AND (SELECT seq FROM wait WHERE id = :wait) <= :seq

-- name: mark_customer
UPDATE conversation
SET customer_received = max(customer_received, :received),
    customer_read = max(customer_read, :read),
    customer_typing_at = CASE WHEN :typing THEN :now ELSE customer_typing_at END
WHERE wait = :wait AND ended_at IS NULL
  AND (:typing OR customer_received < :received OR customer_read < :read)
RETURNING wait, staff, customer_received, customer_read, customer_typing_at,
  (SELECT w.session_id FROM wait AS w WHERE w.id = conversation.wait),
  (SELECT s.present FROM staff AS s WHERE s.id = conversation.staff)

-- name: mark_agent
UPDATE conversation
SET agent_received = max(agent_received, :received),
    agent_read = max(agent_read, :read),
    agent_typing_at = CASE WHEN :typing THEN :now ELSE agent_typing_at END
WHERE wait = :wait AND ended_at IS NULL
  AND (:typing OR agent_received < :received OR agent_read < :read)
RETURNING wait, staff, agent_received, agent_read, agent_typing_at,
  (SELECT w.session_id FROM wait AS w WHERE w.id = conversation.wait),
  (SELECT w.present FROM wait AS w WHERE w.id = conversation.wait)

-- name: next_event
UPDATE wait SET seq = seq + 1 WHERE id = :wait RETURNING seq, present

-- name: write_event
INSERT INTO conversation_event (wait, seq, kind, at, author, message_id, sealed_text)
VALUES (:wait, :seq, :kind, :now, :author, :message_id, :text)

-- name: next_staff_event
UPDATE staff SET seq = seq + 1, idle_since = :now WHERE id = :staff RETURNING seq, present

-- name: write_staff_event
INSERT INTO staff_event (staff, seq, wait, event_seq) VALUES (:staff, :seq, :wait, :event_seq)

-- name: find_message
SELECT seq, kind, at, author, message_id, sealed_text FROM conversation_event
WHERE wait = :wait AND author = :author AND message_id = :message_id

-- name: write_conversation_audit
INSERT INTO audit (at, wait, event, access_key, sealed_requester, node)
VALUES (:now, :wait, :event, :access_key, :requester, :node)

-- name: lost_conversations
SELECT w.id, w.session_id, s.present IS NULL AND s.seen_at <= :agents_before
FROM conversation AS c JOIN staff AS s ON s.id = c.staff JOIN wait AS w ON w.id = c.wait
WHERE c.ended_at IS NULL
  AND (s.present IS NULL AND s.seen_at <= :agents_before OR w.present IS NULL AND w.seen_at + w.abandon_ms <= :now)
ORDER BY w.id LIMIT :limit

-- name: release_conversations
UPDATE wait INDEXED BY wait_connected SET present = NULL, seen_at = :seen_at WHERE present = :gone AND state = 'CONNECTED'

-- name: release_staff
UPDATE staff SET present = NULL, seen_at = :seen_at WHERE present = :gone

-- name: connect_staff
UPDATE staff SET present = :node, seen_at = :now WHERE id = :staff

-- name: disconnect_staff
UPDATE staff SET present = NULL, seen_at = :now WHERE id = :staff AND present = :node

-- name: forget_conversation
DELETE FROM conversation WHERE wait = :wait

-- name: forget_conversation_events
DELETE FROM conversation_event WHERE wait = :wait

-- name: forget_staff_events
DELETE FROM staff_event WHERE wait = :wait

-- name: conversation_events
SELECT seq, kind, at, author, message_id, sealed_text FROM conversation_event
WHERE wait = :wait AND seq > :after ORDER BY seq LIMIT :limit

-- name: live_conversations
SELECT c.wait FROM conversation AS c WHERE c.staff = :staff AND c.ended_at IS NULL ORDER BY c.wait LIMIT :limit

-- name: live_between
SELECT w.session_id FROM staff AS s JOIN conversation AS c ON c.staff = s.id AND c.ended_at IS NULL
JOIN wait AS w ON w.id = c.wait JOIN customer AS p ON p.id = w.customer
WHERE s.lookup = :staff_lookup AND p.lookup = :customer_lookup

-- name: staff_head
SELECT seq FROM staff WHERE id = :staff

-- name: read_staff_heads
SELECT id, seq, present FROM staff WHERE id IN (SELECT value FROM json_each(:staff))

-- name: staff_events
SELECT e.seq, e.wait, e.event_seq FROM staff_event AS e WHERE e.staff = :staff AND e.seq > :after ORDER BY e.seq LIMIT :limit

-- name: one_event
SELECT seq, kind, at, author, message_id, sealed_text FROM conversation_event WHERE wait = :wait AND seq = :seq

-- name: customer_of_wait
SELECT c.lookup, c.sealed_profile, w.present, w.session_id, w.sealed_request
FROM wait AS w JOIN customer AS c ON c.id = w.customer WHERE w.id = :wait

-- name: waiting_line
SELECT w.id, w.session_id, w.customer, w.interaction_id, w.help_type, w.state, w.outcome, w.reason, w.sealed_message,
       w.started_at, w.ended_at, w.seq, w.acknowledged_at, w.command, w.queued_at,
       c.lookup, c.sealed_profile, w.present, w.sealed_request,
       EXISTS (SELECT 1 FROM offer AS o WHERE o.wait = w.id)
FROM wait AS w INDEXED BY wait_due JOIN customer AS c ON c.id = w.customer
WHERE w.outcome IS NULL ORDER BY coalesce(w.line_at, w.started_at), w.id LIMIT :limit
