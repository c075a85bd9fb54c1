-- The built-in queue: who takes offers, and who is offered to whom. An offer counts as long as its wait is open.

-- name: set_available
UPDATE staff SET available = 1, availability_at = CASE WHEN available = 1 THEN availability_at ELSE :now END,
                 away_reason = NULL, skills = :skills, capacity = :capacity
WHERE id = :staff

-- name: set_away
UPDATE staff SET available = 0, availability_at = CASE WHEN available = 0 THEN coalesce(availability_at, :now) ELSE :now END,
                 away_reason = CASE WHEN available = 0 THEN coalesce(away_reason, :reason) ELSE :reason END
WHERE id = :staff

-- name: withdraw_offers
DELETE FROM offer WHERE staff = :staff

-- name: hold_available_staff
SELECT id FROM staff WHERE available = 1 ORDER BY id

-- name: lapsed_staff
SELECT id FROM staff WHERE available = 1 AND present IS NULL AND seen_at <= :before ORDER BY id

-- name: missed_offers
SELECT o.staff FROM offer AS o JOIN wait AS w ON w.id = o.wait JOIN staff AS s ON s.id = o.staff
WHERE o.expires_at <= :now AND w.outcome IS NULL AND s.present IS NOT NULL ORDER BY o.staff

-- name: clear_offers
DELETE FROM offer
WHERE expires_at <= :now OR NOT EXISTS (SELECT 1 FROM wait AS w WHERE w.id = offer.wait AND w.outcome IS NULL)

-- name: clear_passes
DELETE FROM pass WHERE until <= :now

-- name: free_agents
SELECT s.id, s.skills, s.capacity,
       (SELECT count(*) FROM conversation AS c WHERE c.staff = s.id AND c.ended_at IS NULL)
       + (SELECT count(*) FROM offer AS o WHERE o.staff = s.id),
       max(s.idle_since, s.availability_at)
FROM staff AS s WHERE s.available = 1 AND s.present IS NOT NULL

-- name: unoffered_waits
SELECT id, needs, passed FROM (
  SELECT w.id, coalesce(w.line_at, w.started_at) AS since, CASE WHEN w.started_at > :narrow_since THEN w.needs END AS needs,
         (SELECT json_group_array(p.staff) FROM pass AS p WHERE p.wait = w.id) AS passed,
         row_number() OVER (PARTITION BY CASE WHEN w.started_at > :narrow_since THEN w.needs END,
                                         EXISTS (SELECT 1 FROM pass AS p WHERE p.wait = w.id)
                            ORDER BY coalesce(w.line_at, w.started_at), w.id) AS place
  FROM wait AS w INDEXED BY wait_due
  WHERE w.outcome IS NULL AND w.queue = 'builtin' AND NOT EXISTS (SELECT 1 FROM offer AS o WHERE o.wait = w.id)
) WHERE place <= :free OR passed <> '[]'
ORDER BY since, id

-- name: write_offer
INSERT INTO offer (wait, staff, offered_at, expires_at) VALUES (:wait, :staff, :now, :expires_at)

-- name: decline_offer
DELETE FROM offer WHERE wait = (SELECT id FROM wait WHERE session_id = :session AND outcome IS NULL)
  AND staff = :staff AND expires_at > :now RETURNING wait

-- name: write_pass
INSERT INTO pass (wait, staff, until) VALUES (:wait, :staff, :until)
ON CONFLICT (wait, staff) DO UPDATE SET until = excluded.until

-- name: find_pass
SELECT p.wait FROM pass AS p JOIN wait AS w ON w.id = p.wait
WHERE w.session_id = :session AND p.staff = :staff AND p.until > :now

-- name: forget_passes
DELETE FROM pass WHERE wait = :wait

-- name: forget_offer
DELETE FROM offer WHERE wait = :wait

-- name: read_availability
SELECT id, available, availability_at, away_reason, skills, capacity FROM staff
WHERE id IN (SELECT value FROM json_each(:staff))

-- name: read_offers
SELECT o.wait, o.staff, o.offered_at, o.expires_at FROM offer AS o JOIN wait AS w ON w.id = o.wait
WHERE w.outcome IS NULL AND o.expires_at > :now ORDER BY o.expires_at, o.wait

-- name: routing_is_due
SELECT EXISTS (SELECT 1 FROM staff WHERE available = 1 AND present IS NULL AND seen_at <= :lapsed_before)
    OR EXISTS (SELECT 1 FROM offer WHERE expires_at <= :now)
    OR EXISTS (SELECT 1 FROM staff WHERE available = 1 AND present IS NOT NULL)
       AND EXISTS (SELECT 1 FROM wait AS w INDEXED BY wait_due WHERE w.outcome IS NULL AND w.queue = 'builtin'
                   AND NOT EXISTS (SELECT 1 FROM offer AS o WHERE o.wait = w.id))

-- name: staff_presence
SELECT skills, available, availability_at FROM staff WHERE availability_at IS NOT NULL

-- name: standing_waits
SELECT id, session_id, needs, started_at FROM wait INDEXED BY wait_due
WHERE outcome IS NULL AND queue = 'builtin' AND id > :after ORDER BY id LIMIT :limit

-- name: accepted_lately
SELECT json_group_array(started_at ORDER BY started_at DESC) FROM (
  SELECT started_at FROM conversation ORDER BY wait DESC LIMIT :limit) WHERE started_at > :since

-- name: anybody_available
SELECT EXISTS (SELECT 1 FROM staff WHERE available = 1)
