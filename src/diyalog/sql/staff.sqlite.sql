-- Members of the staff and their tokens.

-- name: write_staff
INSERT INTO staff (lookup, sealed_profile, seen_at) VALUES (:lookup, :profile, :now)
ON CONFLICT (lookup) DO UPDATE SET sealed_profile = excluded.sealed_profile, seen_at = excluded.seen_at
RETURNING id

-- name: find_staff
SELECT id FROM staff WHERE lookup = :lookup

-- name: write_staff_token
INSERT INTO staff_token (digest, staff, issued_at) VALUES (:digest, :staff, :now)

-- name: find_staff_token
SELECT t.staff, t.issued_at, s.lookup, s.sealed_profile
FROM staff_token AS t JOIN staff AS s ON s.id = t.staff WHERE t.digest = :digest

-- name: forget_staff_tokens
DELETE FROM staff_token WHERE digest IN (SELECT digest FROM staff_token WHERE issued_at <= :before LIMIT :limit)

-- name: touch_staff
-- Calls do not stand in for the desk of somebody who takes offers: only a connected one is asked.
UPDATE staff SET seen_at = :now WHERE id = :staff AND NOT (available AND present IS NULL)

-- name: leave_office
UPDATE staff SET absent_since = coalesce(absent_since, :now), sealed_absence = :absence WHERE lookup = :lookup RETURNING id

-- name: enter_office
UPDATE staff SET absent_since = NULL WHERE lookup = :lookup RETURNING id

-- name: read_absence
SELECT absent_since, sealed_absence FROM staff WHERE lookup = :lookup
