-- Who minted a token, so that revoking one revokes those below it. Null: the operator, or minted before this.
ALTER TABLE tokens ADD COLUMN parent_id TEXT;

CREATE INDEX tokens_by_parent ON tokens (project, parent_id) WHERE parent_id IS NOT NULL;

-- Who did what. A row is written in the same batch as the change that it tells of.
CREATE TABLE audit (
  project    TEXT    NOT NULL, -- {org}/{project}
  id         TEXT    NOT NULL, -- sorts by time
  env_name   TEXT,             -- null: the whole project
  at         INTEGER NOT NULL, -- ms
  actor      TEXT    NOT NULL, -- a token's id, or root
  actor_name TEXT    NOT NULL,
  action     TEXT    NOT NULL,
  target     TEXT    NOT NULL, -- a token's id, or the scope {org}/{project}/{env}
  revoked    TEXT,             -- ids of all tokens that a revocation took away, as JSON
  PRIMARY KEY (project, id)
) STRICT;

-- What a token of one environment may read.
CREATE INDEX audit_by_env ON audit (project, env_name, id);
-- What retention looks for.
CREATE INDEX audit_by_time ON audit (at);
