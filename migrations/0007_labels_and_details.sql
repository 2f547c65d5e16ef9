-- What `?include=details` shows of a run, as JSON text. Null: nothing that a run has by itself, or written by older code.
ALTER TABLE runs ADD COLUMN details TEXT;

-- Which runs have a label. A list by label walks it newest first. The labels of a run are also in its details.
CREATE TABLE run_labels (
  scope TEXT NOT NULL, -- {org}/{project}/{env}
  label TEXT NOT NULL,
  id    TEXT NOT NULL, -- the run's
  PRIMARY KEY (scope, label, id)
) STRICT, WITHOUT ROWID;
