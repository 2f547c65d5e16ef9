-- Stored actions. The definition holds null where a secret belongs. The secrets are sealed beside it.
CREATE TABLE actions (
  scope      TEXT    NOT NULL, -- {org}/{project}/{env}
  name       TEXT    NOT NULL,
  version    INTEGER NOT NULL CHECK (version > 0),
  change_id  TEXT    NOT NULL, -- the audit entry of the change that wrote this version
  changed_at INTEGER NOT NULL, -- ms
  key_id     TEXT,             -- which signing key sealed the secrets; null: there are none
  resealed_at INTEGER NOT NULL DEFAULT 0, -- ms, when the sweep sealed the secrets again; 0: the change sealed them
  bytes      INTEGER NOT NULL, -- UTF-8 bytes of definition
  secrets    BLOB,             -- AES-256-GCM, bound to scope, name and version; null: there are none
  definition TEXT    NOT NULL, -- JSON; last, so that a count never reads past it
  PRIMARY KEY (scope, name)
) STRICT;

-- What is sealed under an older key. What the sweep sealed a moment ago comes last.
CREATE INDEX actions_by_key ON actions (key_id, resealed_at) WHERE key_id IS NOT NULL;

-- The highest version that a deleted action of an environment had. New actions get higher ones, so that no version repeats.
CREATE TABLE deleted_actions (
  scope   TEXT    NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (scope)
) STRICT, WITHOUT ROWID;
