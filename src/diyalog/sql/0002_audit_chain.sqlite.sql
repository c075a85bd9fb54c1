-- One link covers the audit rows after the link before it, up to last_id; docs/audit.md gives the bytes of its digests.
-- requesters: 16 bytes for each row in order of id, the keyed digest of its sealed requester, zeros where there is none;
-- it stays when the requester itself is deleted. erased_until: rows older than this may have lost their requester.
CREATE TABLE audit_link (
  last_id      INTEGER PRIMARY KEY,
  row_count    INTEGER NOT NULL,
  from_at      INTEGER NOT NULL,
  to_at        INTEGER NOT NULL,
  linked_at    INTEGER NOT NULL,
  erased_until INTEGER NOT NULL,
  content      BLOB NOT NULL,
  requesters   BLOB NOT NULL,
  link         BLOB NOT NULL,
  seal         BLOB NOT NULL
) STRICT;

-- The rows up to last_id, all older than before_at, were removed on purpose; their links stay.
CREATE TABLE audit_cut (
  only_one  INTEGER PRIMARY KEY CHECK (only_one = 1),
  last_id   INTEGER NOT NULL,
  before_at INTEGER NOT NULL,
  cut_at    INTEGER NOT NULL,
  seal      BLOB NOT NULL
) STRICT;
