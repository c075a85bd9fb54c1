-- needs: the skills that the routing rules ask for, a JSON list; none when NULL. line_at: since when the customer counts
-- as waiting where that is not started_at: who lost an agent goes back to the place of before.
ALTER TABLE wait ADD COLUMN needs text;
ALTER TABLE wait ADD COLUMN line_at bigint;

-- available: takes offers; since when, or away since when and why ('agent', 'missed', 'lost'). skills: a JSON list.
-- capacity: how many conversations at once. idle_since: when the last conversation ended.
ALTER TABLE staff ADD COLUMN available boolean NOT NULL DEFAULT false;
ALTER TABLE staff ADD COLUMN availability_at bigint;
ALTER TABLE staff ADD COLUMN away_reason text;
ALTER TABLE staff ADD COLUMN skills text NOT NULL DEFAULT '[]';
ALTER TABLE staff ADD COLUMN capacity integer NOT NULL DEFAULT 0;
ALTER TABLE staff ADD COLUMN idle_since bigint NOT NULL DEFAULT 0;
CREATE INDEX staff_available ON staff (id) WHERE available;

-- A wait is offered to one member of the staff at a time. One of a wait that has ended means nothing.
CREATE TABLE offer (
  wait       bigint PRIMARY KEY,
  staff      bigint NOT NULL,
  offered_at bigint NOT NULL,
  expires_at bigint NOT NULL
);

CREATE INDEX offer_staff ON offer (staff);

-- Who let a wait pass, and until when it is not offered to them again.
CREATE TABLE pass (
  wait  bigint NOT NULL,
  staff bigint NOT NULL,
  until bigint NOT NULL,
  PRIMARY KEY (wait, staff)
);

-- The newest event of the session's stream that each side's app has received, and that its person has read; and when
-- they were writing last.
ALTER TABLE conversation ADD COLUMN customer_received bigint NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN customer_read bigint NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN agent_received bigint NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN agent_read bigint NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN customer_typing_at bigint;
ALTER TABLE conversation ADD COLUMN agent_typing_at bigint;

-- What one member of the staff leaves for the next. note_id is the writer's own, so that one that is sent again is one.
CREATE TABLE note (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  wait        bigint NOT NULL,
  staff       bigint NOT NULL,
  note_id     text NOT NULL,
  at          bigint NOT NULL,
  sealed_text bytea NOT NULL
);

CREATE UNIQUE INDEX note_wait ON note (wait, staff, note_id);
