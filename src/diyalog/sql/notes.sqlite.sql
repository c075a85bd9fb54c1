-- Notes of the staff about customers.

-- name: find_note
SELECT at, sealed_text FROM note WHERE wait = :wait AND staff = :staff AND note_id = :note_id

-- name: write_note
INSERT INTO note (wait, staff, note_id, at, sealed_text) VALUES (:wait, :staff, :note_id, :now, :text)

-- name: notes_about
SELECT w.session_id, n.staff, s.lookup, s.sealed_profile, n.note_id, n.at, n.sealed_text
FROM wait AS own CROSS JOIN wait AS w ON w.customer = own.customer CROSS JOIN note AS n ON n.wait = w.id
CROSS JOIN staff AS s ON s.id = n.staff
WHERE own.id = :wait ORDER BY n.id DESC LIMIT :limit

-- name: forget_notes
DELETE FROM note WHERE wait = :wait

-- name: forget_old_notes
DELETE FROM note WHERE id IN (
  SELECT n.id FROM (SELECT id, wait, at FROM note ORDER BY id LIMIT 10 * :limit) AS n JOIN conversation AS c ON c.wait = n.wait
  WHERE n.at <= :before AND c.ended_at <= :before ORDER BY n.id LIMIT :limit)
