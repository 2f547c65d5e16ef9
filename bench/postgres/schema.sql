-- Ids are UUIDs of version 7, which sort by creation. So the primary key finds one run, and is also the list's index.
-- No query looks into the JSON, so it is kept as it came.
CREATE TABLE runs (
  scope           text        NOT NULL, -- {org}/{project}/{env}
  id              uuid        NOT NULL,
  status          text        NOT NULL DEFAULT 'pending'
                  CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
  action_name     text        NOT NULL,
  entity_id       uuid,
  parameters      json        NOT NULL,
  recommendations json        NOT NULL DEFAULT '{}',
  triggered_by    text        NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  started_at      timestamptz,
  completed_at    timestamptz,
  error           text,
  output          json,
  PRIMARY KEY (scope, id)
);
