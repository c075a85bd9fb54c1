-- Notes of the staff about customers.

-- name: find_note
SELECT at, sealed_text FROM note WHERE wait = :wait AND staff = :staff AND note_id = :note_id

-- name: write_note
INSERT INTO note (wait, staff, note_id, at, sealed_text) VALUES (:wait, :staff, :note_id, :now, :text)

-- name: notes_about
SELECT w.session_id, n.staff, s.lookup, s.sealed_profile, n.note_id, n.at, n.sealed_text
FROM wait AS own
CROSS JOIN LATERAL (SELECT id, session_id FROM wait WHERE customer = own.customer OFFSET 0) AS w
CROSS JOIN LATERAL (SELECT * FROM note WHERE wait = w.id OFFSET 0) AS n
CROSS JOIN LATERAL (SELECT lookup, sealed_profile FROM staff WHERE id = n.staff LIMIT 1) AS s
WHERE own.id = :wait ORDER BY n.id DESC LIMIT :limit

-- name: forget_notes
DELETE FROM note WHERE wait = :wait

-- name: forget_old_notes
DELETE FROM note WHERE id = ANY (ARRAY (
  SELECT n.id FROM (SELECT id, wait, at FROM note ORDER BY id LIMIT 10 * CAST(:limit AS bigint)) AS n
  CROSS JOIN LATERAL (SELECT ended_at FROM conversation WHERE wait = n.wait LIMIT 1) AS c
  WHERE n.at <= :before AND c.ended_at <= :before ORDER BY n.id LIMIT CAST(:limit AS bigint)))
