-- Runs as callers read them. The coordinators' journals decide; this is what they landed.
CREATE TABLE runs (
  scope        TEXT    NOT NULL, -- {org}/{project}/{env}
  id           TEXT    NOT NULL, -- sorts by creation
  version      INTEGER NOT NULL CHECK (version > 0),
  status       TEXT    NOT NULL CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
  action_name  TEXT    NOT NULL,
  entity_id    TEXT,
  triggered_by TEXT    NOT NULL,
  purge_at     INTEGER NOT NULL, -- ms; a row past it is never written again
  bytes        INTEGER NOT NULL, -- UTF-8 bytes of body
  body         TEXT    NOT NULL, -- the ActionRun as it goes on the wire; last, so filters never read past it
  PRIMARY KEY (scope, id)
) STRICT;

CREATE INDEX runs_by_status ON runs (scope, status, id);
CREATE INDEX runs_by_action ON runs (scope, action_name, id);
CREATE INDEX runs_by_entity ON runs (scope, entity_id, id) WHERE entity_id IS NOT NULL;
CREATE INDEX runs_by_trigger ON runs (scope, triggered_by, id);
