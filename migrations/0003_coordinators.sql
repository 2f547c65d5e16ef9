-- Which coordinators exist, so that the sweep can wake one whose alarm was dropped.
CREATE TABLE coordinators (
  scope   TEXT    NOT NULL,
  n       INTEGER NOT NULL,
  seen_at INTEGER NOT NULL, -- ms; registered or swept last
  PRIMARY KEY (scope, n)
) STRICT, WITHOUT ROWID;

CREATE INDEX coordinators_by_seen ON coordinators (seen_at);
