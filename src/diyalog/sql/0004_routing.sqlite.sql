-- needs: the skills that the routing rules ask for, a JSON list; none when NULL. line_at: since when the customer counts
-- as waiting where that is not started_at: who lost an agent goes back to the place of before.
ALTER TABLE wait ADD COLUMN needs TEXT;
ALTER TABLE wait ADD COLUMN line_at INTEGER;

-- available: takes offers; since when, or away since when and why ('agent', 'missed', 'lost'). skills: a JSON list.
-- capacity: how many conversations at once. idle_since: when the last conversation ended.
ALTER TABLE staff ADD COLUMN available INTEGER NOT NULL DEFAULT 0;
ALTER TABLE staff ADD COLUMN availability_at INTEGER;
ALTER TABLE staff ADD COLUMN away_reason TEXT;
ALTER TABLE staff ADD COLUMN skills TEXT NOT NULL DEFAULT '[]';
ALTER TABLE staff ADD COLUMN capacity INTEGER NOT NULL DEFAULT 0;
ALTER TABLE staff ADD COLUMN idle_since INTEGER NOT NULL DEFAULT 0;
CREATE INDEX staff_available ON staff (id) WHERE available = 1;

-- A wait is offered to one member of the staff at a time. One of a wait that has ended means nothing.
CREATE TABLE offer (
  wait       INTEGER PRIMARY KEY,
  staff      INTEGER NOT NULL,
  offered_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);

CREATE INDEX offer_staff ON offer (staff);

-- Who let a wait pass, and until when it is not offered to them again.
CREATE TABLE pass (
  wait  INTEGER NOT NULL,
  staff INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (wait, staff)
) WITHOUT ROWID;

-- The newest event of the session's stream that each side's app has received, and that its person has read; and when
-- they were writing last.
ALTER TABLE conversation ADD COLUMN customer_received INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN customer_read INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN agent_received INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN agent_read INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN customer_typing_at INTEGER;
ALTER TABLE conversation ADD COLUMN agent_typing_at INTEGER;

-- What one member of the staff leaves for the next. note_id is the writer's own, so that one that is sent again is one.
CREATE TABLE note (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  wait        INTEGER NOT NULL,
  staff       INTEGER NOT NULL,
  note_id     TEXT NOT NULL,
  at          INTEGER NOT NULL,
  sealed_text BLOB NOT NULL
);

CREATE UNIQUE INDEX note_wait ON note (wait, staff, note_id);
