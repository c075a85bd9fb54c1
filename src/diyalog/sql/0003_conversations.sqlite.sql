-- A member of the company's staff. lookup: keyed digest of the user id. seq: the newest event of the stream; present:
-- the node to which the desk is connected. absent_since: out of office since then; what was said of it last stays.
CREATE TABLE staff (
  id             INTEGER PRIMARY KEY,
  lookup         BLOB NOT NULL UNIQUE,
  sealed_profile BLOB NOT NULL,
  seq            INTEGER NOT NULL DEFAULT 0,
  present        TEXT,
  seen_at        INTEGER NOT NULL,
  absent_since   INTEGER,
  sealed_absence BLOB
);

CREATE TABLE staff_token (
  digest    BLOB PRIMARY KEY,
  staff     INTEGER NOT NULL,
  issued_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX staff_token_issued ON staff_token (issued_at);

-- What an accepted wait led to. command ended it; acknowledged_at: when the customer's app received that it is over.
CREATE TABLE conversation (
  wait            INTEGER PRIMARY KEY,
  staff           INTEGER NOT NULL,
  started_at      INTEGER NOT NULL,
  ended_at        INTEGER,
  ended_by        TEXT,
  command         TEXT,
  acknowledged_at INTEGER,
  CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);

CREATE INDEX conversation_live ON conversation (staff) WHERE ended_at IS NULL;

-- The events of a session's stream that come after its wait.ended; seq goes on from there. author: whose message it is,
-- or who ended the conversation. message_id: the sender's own, so that a message that is sent again is one message.
CREATE TABLE conversation_event (
  wait        INTEGER NOT NULL,
  seq         INTEGER NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN ('began', 'message', 'ended')),
  at          INTEGER NOT NULL,
  author      TEXT NOT NULL,
  message_id  TEXT,
  sealed_text BLOB,
  PRIMARY KEY (wait, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX conversation_event_message ON conversation_event (wait, author, message_id)
WHERE message_id IS NOT NULL;

-- The stream of a member of the staff: each event is one of a session's stream.
CREATE TABLE staff_event (
  staff     INTEGER NOT NULL,
  seq       INTEGER NOT NULL,
  wait      INTEGER NOT NULL,
  event_seq INTEGER NOT NULL,
  PRIMARY KEY (staff, seq)
) WITHOUT ROWID;

CREATE INDEX staff_event_wait ON staff_event (wait);

CREATE INDEX wait_connected ON wait (present) WHERE state = 'CONNECTED';
