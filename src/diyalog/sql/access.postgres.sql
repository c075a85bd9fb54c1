-- Who is let in: customers, their transaction hashes and tokens, and access keys.

-- name: find_customer
SELECT id, barred_at, sealed_profile FROM customer WHERE lookup = :lookup

-- name: write_customer
INSERT INTO customer (lookup, sealed_profile, seen_at) VALUES (:lookup, :profile, :now)
ON CONFLICT (lookup) DO UPDATE SET sealed_profile = excluded.sealed_profile, seen_at = excluded.seen_at
RETURNING id, barred_at

-- name: bar_customer
UPDATE customer SET barred_at = :barred_at WHERE id = :customer

-- name: write_hash
INSERT INTO transaction_hash (customer_lookup, device_lookup, digest, interaction_id, expires_at)
VALUES (:customer, :device, :digest, :interaction, :expires_at)
ON CONFLICT (customer_lookup, device_lookup)
DO UPDATE SET digest = excluded.digest, interaction_id = excluded.interaction_id, expires_at = excluded.expires_at

-- name: take_hash
DELETE FROM transaction_hash
WHERE digest = :digest AND customer_lookup = :customer AND device_lookup = :device AND expires_at > :now
RETURNING interaction_id

-- name: write_token
INSERT INTO client_token (digest, customer, issued_at, interaction_id) VALUES (:digest, :customer, :now, :interaction)

-- name: find_token
SELECT t.customer, t.issued_at, c.lookup, c.sealed_profile, c.barred_at
FROM client_token AS t JOIN customer AS c ON c.id = t.customer WHERE t.digest = :digest

-- name: read_keys
SELECT id, name, created_at, revoked_at, sealed_secret FROM access_key ORDER BY created_at, id

-- name: insert_key
INSERT INTO access_key (id, name, sealed_secret, created_at) VALUES (:id, :name, :secret, :now)

-- name: find_key
SELECT revoked_at FROM access_key WHERE id = :id

-- name: revoke_key
UPDATE access_key SET revoked_at = :now, sealed_secret = NULL WHERE id = :id AND revoked_at IS NULL RETURNING id
