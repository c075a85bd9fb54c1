-- A member of the company's staff. lookup: keyed digest of the user id. seq: the newest event of the stream; present:
-- the node to which the desk is connected. absent_since: out of office since then; what was said of it last stays.
CREATE TABLE staff (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  lookup         bytea NOT NULL UNIQUE,
  sealed_profile bytea NOT NULL,
  seq            bigint NOT NULL DEFAULT 0,
  present        text,
  seen_at        bigint NOT NULL,
  absent_since   bigint,
  sealed_absence bytea
);

CREATE TABLE staff_token (
  digest    bytea PRIMARY KEY,
  staff     bigint NOT NULL,
  issued_at bigint NOT NULL
);

CREATE INDEX staff_token_issued ON staff_token (issued_at);

-- What an accepted wait led to. command ended it; acknowledged_at: when the customer's app received that it is over.
CREATE TABLE conversation (
  wait            bigint PRIMARY KEY,
  staff           bigint NOT NULL,
  started_at      bigint NOT NULL,
  ended_at        bigint,
  ended_by        text,
  command         text,
  acknowledged_at bigint,
  CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);

CREATE INDEX conversation_live ON conversation (staff) WHERE ended_at IS NULL;

-- The events of a session's stream that come after its wait.ended; seq goes on from there. author: whose message it is,
-- or who ended the conversation. message_id: the sender's own, so that a message that is sent again is one message.
CREATE TABLE conversation_event (
  wait        bigint NOT NULL,
  seq         bigint NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('began', 'message', 'ended')),
  at          bigint NOT NULL,
  author      text NOT NULL,
  message_id  text,
  sealed_text bytea,
  PRIMARY KEY (wait, seq)
);

CREATE UNIQUE INDEX conversation_event_message ON conversation_event (wait, author, message_id)
WHERE message_id IS NOT NULL;

-- The stream of a member of the staff: each event is one of a session's stream.
CREATE TABLE staff_event (
  staff     bigint NOT NULL,
  seq       bigint NOT NULL,
  wait      bigint NOT NULL,
  event_seq bigint NOT NULL,
  PRIMARY KEY (staff, seq)
);

CREATE INDEX staff_event_wait ON staff_event (wait);

CREATE INDEX wait_connected ON wait (present) WHERE state = 'CONNECTED';
