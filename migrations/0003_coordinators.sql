-- Which coordinators exist, and when the sweep must look whether one has lost its alarm.
CREATE TABLE coordinators (
  scope  TEXT    NOT NULL,
  n      INTEGER NOT NULL,
  due_at INTEGER NOT NULL, -- ms
  PRIMARY KEY (scope, n)
) STRICT, WITHOUT ROWID;

CREATE INDEX coordinators_by_due ON coordinators (due_at);
