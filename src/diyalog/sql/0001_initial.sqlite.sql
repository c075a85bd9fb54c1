-- Times are milliseconds since 1970, UTC. Columns named sealed_* hold AES-256-GCM texts.

CREATE TABLE setting (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE access_key (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL,
  sealed_secret BLOB,
  created_at    INTEGER NOT NULL,
  revoked_at    INTEGER
) WITHOUT ROWID;

-- lookup: keyed digest of the customer number, so that the number itself is nowhere in clear.
CREATE TABLE customer (
  id             INTEGER PRIMARY KEY,
  lookup         BLOB NOT NULL UNIQUE,
  sealed_profile BLOB NOT NULL,
  barred_at      INTEGER,
  seen_at        INTEGER NOT NULL
);

CREATE INDEX customer_seen ON customer (seen_at);

CREATE TABLE transaction_hash (
  customer_lookup BLOB NOT NULL,
  device_lookup   BLOB NOT NULL,
  digest          BLOB NOT NULL UNIQUE,
  interaction_id  TEXT,
  expires_at      INTEGER NOT NULL,
  PRIMARY KEY (customer_lookup, device_lookup)
) WITHOUT ROWID;

-- interaction_id: the company queued the customer itself; the first wait started with this token takes it along.
CREATE TABLE client_token (
  digest         BLOB PRIMARY KEY,
  customer       INTEGER NOT NULL,
  issued_at      INTEGER NOT NULL,
  interaction_id TEXT
) WITHOUT ROWID;

CREATE INDEX client_token_issued ON client_token (issued_at);

-- The events of a wait's stream are the row itself: wait.started at queued_at, wait.ended at ended_at; seq counts them.
-- Every index that an ending has to change costs it a page: there is none that is not needed.
-- present: the node to which the customer's app is connected. due_at: when the wait must be looked at next, the
-- earlier of limit_at and, for an app that is away, the end of its time to come back.
CREATE TABLE wait (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id      TEXT NOT NULL,
  customer        INTEGER NOT NULL,
  interaction_id  TEXT,
  queue           TEXT NOT NULL CHECK (queue IN ('http', 'builtin')),
  help_type       TEXT NOT NULL,
  state           TEXT NOT NULL CHECK (state IN ('REQUESTED', 'WAITING', 'CONNECTED', 'ENDED')),
  outcome         TEXT CHECK (outcome IN ('CONNECTED', 'CANCELLED', 'NOT_DELIVERED', 'EXPIRED', 'FAILED')),
  reason          TEXT,
  sealed_message  BLOB,
  sealed_request  BLOB,
  command         TEXT NOT NULL,
  seq             INTEGER NOT NULL DEFAULT 0,
  started_at      INTEGER NOT NULL,
  queued_at       INTEGER,
  ended_at        INTEGER,
  acknowledged_at INTEGER,
  limit_at        INTEGER NOT NULL,
  abandon_ms      INTEGER NOT NULL,
  answer_by       INTEGER NOT NULL,
  due_at          INTEGER NOT NULL,
  seen_at         INTEGER NOT NULL,
  present         TEXT,
  CHECK ((outcome IS NULL) = (state IN ('REQUESTED', 'WAITING')))
);

CREATE UNIQUE INDEX wait_session ON wait (session_id);
CREATE UNIQUE INDEX wait_live_customer ON wait (customer) WHERE state <> 'ENDED';
CREATE INDEX wait_interaction ON wait (interaction_id) WHERE interaction_id IS NOT NULL;
CREATE INDEX wait_due ON wait (due_at) WHERE outcome IS NULL;
CREATE INDEX wait_requested ON wait (answer_by) WHERE state = 'REQUESTED';
CREATE INDEX wait_customer ON wait (customer);

CREATE TABLE audit (
  id               INTEGER PRIMARY KEY,
  at               INTEGER NOT NULL,
  wait             INTEGER,
  event            TEXT NOT NULL,
  outcome          TEXT,
  access_key       TEXT,
  sealed_requester BLOB,
  node             TEXT NOT NULL
);

CREATE INDEX audit_requester ON audit (at) WHERE sealed_requester IS NOT NULL;

-- attempt fences: a result counts only for the newest attempt. lease_until: when another node may take the row.
CREATE TABLE outbox (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  kind           TEXT NOT NULL CHECK (kind IN ('create', 'delete')),
  wait           INTEGER NOT NULL,
  interaction_id TEXT,
  attempt        INTEGER NOT NULL,
  first_at       INTEGER NOT NULL,
  due_at         INTEGER NOT NULL,
  lease_node     TEXT,
  unresolved     INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX outbox_due ON outbox (due_at) WHERE unresolved = 0;
CREATE INDEX outbox_wait ON outbox (wait);
CREATE INDEX outbox_interaction ON outbox (interaction_id) WHERE kind = 'delete';

CREATE TABLE idempotency (
  scope         BLOB PRIMARY KEY,
  body          BLOB NOT NULL,
  at            INTEGER NOT NULL,
  wait          INTEGER,
  verdict       TEXT NOT NULL,
  status        INTEGER,
  sealed_answer BLOB
) WITHOUT ROWID;

CREATE INDEX idempotency_at ON idempotency (at);

CREATE TABLE node (
  id       TEXT PRIMARY KEY,
  beat_at  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE tally (
  name  TEXT PRIMARY KEY,
  count INTEGER NOT NULL
) WITHOUT ROWID;
