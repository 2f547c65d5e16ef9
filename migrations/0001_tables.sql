-- Every database has all tables. `runs` and `run_labels` are used in the database where the environment lives, and all
-- others only in the control database, which is number 0.

-- Which number this database has. `npm run migrate` writes it. Without it, a binding under another number would mix runs.
CREATE TABLE database_number (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  number INTEGER NOT NULL
) STRICT;

-- Empty, but for a moment: what is written over the pages that SQLite has freed (src/base/freed-pages.ts).
CREATE TABLE filler (
  n     INTEGER PRIMARY KEY,
  bytes BLOB    NOT NULL
) STRICT;

-- Where the runs of an environment live. Its coordinator decides; this is a copy for those who do not ask it.
-- An environment without a row lives in database 0.
CREATE TABLE environments (
  scope      TEXT    NOT NULL, -- {org}/{project}/{env}
  database   INTEGER NOT NULL,
  generation INTEGER NOT NULL, -- grows with each move
  PRIMARY KEY (scope)
) STRICT, WITHOUT ROWID;

CREATE INDEX environments_by_database ON environments (database, scope);

-- What the cron has seen of the databases besides this one, and of the archive, as JSON.
CREATE TABLE database_report (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  looked_at  INTEGER NOT NULL, -- ms
  report     TEXT    NOT NULL
) STRICT;

-- Runs as callers read them. The coordinators' journals decide; this is what they replicated.
-- The checks are chains of `=`, because SQLite builds a table for a longer `IN`, and D1 counts the rows that it reads there.
CREATE TABLE runs (
  scope        TEXT    NOT NULL, -- {org}/{project}/{env}
  id           TEXT    NOT NULL, -- sorts by creation
  version      INTEGER NOT NULL CHECK (version > 0),
  status       TEXT    NOT NULL
    CHECK (status = 'pending' OR status = 'running' OR status = 'succeeded' OR status = 'failed' OR status = 'cancelled'),
  action_name  TEXT    NOT NULL,
  entity_id    TEXT,
  subject      TEXT,             -- what the run works on; null: none
  triggered_by TEXT    NOT NULL COLLATE NOCASE, -- filters find a name in any case of ASCII letters
  waiting      TEXT -- the first gate that is closed
    CHECK (waiting IS NULL OR waiting = 'time' OR waiting = 'approval' OR waiting = 'concurrency' OR waiting = 'pause'),
  concurrency_group TEXT,        -- null: none
  waiting_lineage TEXT,          -- while it waits: the line of its creator, /{top}/…/{token}/, or /root/
  waiting_key_id  TEXT,          -- while it waits: which signing key sealed its request
  waiting_approvers TEXT,        -- while it waits: JSON array, the lines of those who approved it; null: none
  purge_at     INTEGER NOT NULL, -- ms; a row past it is never written again
  bytes        INTEGER NOT NULL, -- UTF-8 bytes of body
  body         TEXT    NOT NULL, -- the ActionRun as it goes on the wire; behind the filters, which never read past it
  details      TEXT,             -- what `?include=details` shows, as JSON; null for a run that was simply created
  PRIMARY KEY (scope, id)
) STRICT;

CREATE INDEX runs_by_status ON runs (scope, status, id);
CREATE INDEX runs_by_action ON runs (scope, action_name, id);
CREATE INDEX runs_by_entity ON runs (scope, entity_id, id) WHERE entity_id IS NOT NULL;
CREATE INDEX runs_by_subject ON runs (scope, subject, id) WHERE subject IS NOT NULL;
CREATE INDEX runs_by_trigger ON runs (scope, triggered_by, id);
-- A run without gates has no entry in these. Older code does not know `waiting`, so only a pending run counts as waiting.
CREATE INDEX runs_by_group ON runs (scope, concurrency_group, id) WHERE concurrency_group IS NOT NULL;
CREATE INDEX runs_by_waiting ON runs (scope, waiting, id) WHERE waiting IS NOT NULL AND status = 'pending';
CREATE INDEX waiting_runs_by_lineage ON runs (waiting_lineage, scope)
  WHERE waiting_lineage IS NOT NULL AND status = 'pending';
CREATE INDEX approved_runs ON runs (scope, id) WHERE waiting_approvers IS NOT NULL AND status = 'pending';
CREATE INDEX waiting_runs_by_key ON runs (waiting_key_id) WHERE waiting_key_id IS NOT NULL AND status = 'pending';

-- Which runs have a label. A list by label walks it newest first. The labels of a run are also in its details.
CREATE TABLE run_labels (
  scope TEXT NOT NULL, -- {org}/{project}/{env}
  label TEXT NOT NULL,
  id    TEXT NOT NULL, -- the run's
  PRIMARY KEY (scope, label, id)
) STRICT, WITHOUT ROWID;

-- Which coordinators exist, and when the sweep must look whether one has lost its alarm.
CREATE TABLE coordinators (
  scope  TEXT    NOT NULL, -- {org}/{project}/{env}
  due_at INTEGER NOT NULL, -- ms
  PRIMARY KEY (scope)
) STRICT, WITHOUT ROWID;

CREATE INDEX coordinators_by_due ON coordinators (due_at);

-- API tokens. Only the SHA-256 of a secret is kept.
CREATE TABLE tokens (
  project    TEXT    NOT NULL, -- {org}/{project}
  id         TEXT    NOT NULL, -- sorts by creation
  hash       TEXT    UNIQUE,   -- hex, of the newest secret; null: it has a trust
  name       TEXT    NOT NULL,
  role       TEXT    NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  env_name   TEXT,             -- null: every environment of the project
  created_by TEXT    NOT NULL,
  created_at INTEGER NOT NULL, -- ms
  expires_at INTEGER,          -- ms
  parent_id  TEXT,             -- the token that created it; revoking one revokes those below it; null: the operator
  old_hash       TEXT UNIQUE,  -- hex, of the secret that a rotation replaced; null: there was no rotation
  old_expires_at INTEGER,      -- ms, until when that secret works
  last_used_at   INTEGER,      -- ms, down to the hour; null: never
  person         TEXT,         -- for whom the token always acts; null: for nobody in particular
  may_approve    INTEGER NOT NULL DEFAULT 0, -- 1: it may approve and reject runs
  may_act_for_others INTEGER NOT NULL DEFAULT 0, -- 1: its requests may name a person in On-Behalf-Of
  trust          TEXT,         -- JSON, which proofs open it; null: a secret does
  minter         TEXT,         -- JSON { identity, person } of who signed in to mint it, or one above it; null: nobody did
  PRIMARY KEY (project, id),
  CHECK ((hash IS NULL) = (trust IS NOT NULL)),
  CHECK (trust IS NULL OR old_hash IS NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_by_parent ON tokens (project, parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX tokens_with_trust ON tokens (project) WHERE trust IS NOT NULL;

-- By what a sign-in finds the tokens with a trust for people: each value of the trust's anchor.
CREATE TABLE people_trusts (
  issuer   TEXT NOT NULL,
  anchor   TEXT NOT NULL, -- the name of the claim
  value    TEXT NOT NULL,
  project  TEXT NOT NULL,
  token_id TEXT NOT NULL,
  PRIMARY KEY (issuer, anchor, value, project, token_id),
  FOREIGN KEY (project, token_id) REFERENCES tokens (project, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX people_trusts_by_token ON people_trusts (project, token_id);

-- The token of each revocation, for as long as a run can wait that it or one below approved. An expired token has no row.
CREATE TABLE revoked_tokens (
  project TEXT    NOT NULL, -- {org}/{project}
  id      TEXT    NOT NULL,
  at      INTEGER NOT NULL, -- ms
  PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX revoked_tokens_by_time ON revoked_tokens (at);

-- Sessions of people in the console, and on the command line. A session acts as the token that began it. A session by
-- sign-in acts as a token with a trust, for the person who signed in with the issuer.
CREATE TABLE sessions (
  hash          TEXT    NOT NULL, -- hex, of the cookie or of the command line's secret, with the purpose; SHA-256, or HMAC-SHA-256 under ROOT_TOKEN
  page_key_hash TEXT,             -- hex, SHA-256 of what the page sends besides the cookie; null: of the command line
  project       TEXT    NOT NULL, -- {org}/{project}
  id            TEXT    NOT NULL, -- sorts by beginning
  token_id      TEXT,             -- null: the operator's
  token_hash    TEXT,             -- which secret of the token began it; null: none, but ROOT_TOKEN or a sign-in
  issuer        TEXT,             -- with which the person signed in; null: nobody did
  identity      TEXT,             -- hex, SHA-256 of issuer and subject
  person        TEXT,
  began_at      INTEGER NOT NULL, -- ms
  expires_at    INTEGER NOT NULL, -- ms
  last_used_at  INTEGER,          -- ms, down to the hour
  PRIMARY KEY (hash),
  CHECK (page_key_hash IS NOT NULL OR issuer IS NOT NULL),
  CHECK ((issuer IS NULL) = (identity IS NULL) AND (issuer IS NULL) = (person IS NULL)),
  CHECK ((token_id IS NULL) = (token_hash IS NULL AND issuer IS NULL)),
  FOREIGN KEY (project, token_id) REFERENCES tokens (project, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sessions_by_id ON sessions (project, id);
CREATE INDEX sessions_by_token ON sessions (project, token_id, person, id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_issuer ON sessions (issuer) WHERE issuer IS NOT NULL;

-- Codes that begin a session, once: of the operator, of who signed in, or of their command line.
CREATE TABLE sign_in_codes (
  hash       TEXT    NOT NULL, -- hex, SHA-256 of the purpose, the code and what it is bound to
  about      TEXT    NOT NULL, -- JSON: whose session it begins
  expires_at INTEGER NOT NULL, -- ms
  PRIMARY KEY (hash)
) STRICT, WITHOUT ROWID;

-- Who did what. A row is written in the same batch as the change that it tells of.
CREATE TABLE audit (
  project    TEXT    NOT NULL, -- {org}/{project}
  id         TEXT    NOT NULL, -- sorts by time
  env_name   TEXT,             -- null: the whole project
  at         INTEGER NOT NULL, -- ms
  actor      TEXT    NOT NULL, -- a token's id, or root
  actor_name TEXT    NOT NULL,
  person     TEXT COLLATE NOCASE, -- for whom the actor acted; null: for nobody in particular
  action     TEXT    NOT NULL,
  target     TEXT    NOT NULL, -- a token's or session's id, an action's name, or the scope {org}/{project}/{env}
  target_name TEXT   NOT NULL, -- the token's or the action's name, or the scope: a revoked token has no row
  session_id TEXT,             -- the session through which the actor's token acted
  gates      TEXT CHECK (gates IN ('added', 'changed', 'weakened', 'removed')), -- what the change of an action did to its gates
  bulk       TEXT,             -- what a bulk operation does and how it ended, as JSON
  reason     TEXT,             -- of an approval, a rejection, a pause or a cancel
  subject    TEXT,             -- of the program that acted; null: no program
  agent      TEXT,             -- what the program of an agent calls itself; null: no agent asked
  lineage    TEXT,             -- the line of a revoked token, which finds what it left behind
  PRIMARY KEY (project, id)
) STRICT;

-- What a token of one environment may read.
CREATE INDEX audit_by_env ON audit (project, env_name, id);
-- What the filters of a list look for.
CREATE INDEX audit_by_actor ON audit (project, actor, id);
CREATE INDEX audit_by_person ON audit (project, person, id) WHERE person IS NOT NULL;
-- What the purge of old entries looks for.
CREATE INDEX audit_by_time ON audit (at);

-- The erasures of environments and projects. A row is the record that one was asked for, and stays.
CREATE TABLE erasures (
  scope          TEXT    NOT NULL, -- {org}/{project}/{env}, or {org}/{project}
  asked_at       INTEGER NOT NULL, -- ms
  reason         TEXT,             -- what the request said
  driven_at      INTEGER NOT NULL DEFAULT 0, -- ms, when a driver took it last
  first_pass_at  INTEGER,          -- ms, when all rows were gone for the first time
  second_pass_at INTEGER,          -- ms, when they were gone again, an hour later
  completed_at   INTEGER,          -- ms
  PRIMARY KEY (scope, asked_at)
) STRICT, WITHOUT ROWID;

-- Those under way: one for each scope.
CREATE UNIQUE INDEX open_erasures ON erasures (scope) WHERE completed_at IS NULL;

-- Stored actions, webhook endpoints and schedules. The definition holds null where a secret belongs. The secrets are sealed beside it.
CREATE TABLE definitions (
  scope      TEXT    NOT NULL, -- {org}/{project}/{env}
  kind       TEXT    NOT NULL CHECK (kind IN ('action', 'webhook_endpoint', 'schedule')),
  name       TEXT    NOT NULL,
  version    INTEGER NOT NULL CHECK (version > 0),
  created_version INTEGER NOT NULL, -- the first version; with the name it tells the definition from a later one
  change_id  TEXT    NOT NULL, -- the audit entry of the change that wrote this version
  created_by TEXT    NOT NULL, -- a token's id, or root
  created_by_name TEXT NOT NULL,
  changed_at INTEGER NOT NULL, -- ms
  changed_by TEXT    NOT NULL, -- a token's id, or root
  changed_by_name TEXT NOT NULL,
  changed_person TEXT,         -- the person for whom changed_by acted; null: nobody in particular
  changed_proof  TEXT,         -- JSON, what a proof said of changed_by; null: nothing
  changed_lineage TEXT NOT NULL, -- the line of changed_by, /{top}/…/{token}/, or /root/
  key_id     TEXT,             -- which signing key sealed the secrets; null: there are none
  resealed_at INTEGER NOT NULL DEFAULT 0, -- ms, when the cron sealed the secrets again; 0: the change sealed them
  bytes      INTEGER NOT NULL, -- UTF-8 bytes of definition
  filter     TEXT CHECK (filter IS NOT NULL OR kind = 'action'), -- JSON: which runs an endpoint hears of, an action's group, or a schedule's times
  features   TEXT,             -- JSON array: what older code must not ignore in the definition; null: nothing
  disabled_version INTEGER,    -- the version that the service has disabled; another version is not disabled
  disabled_at INTEGER,         -- ms
  disabled_reason TEXT,
  secrets    BLOB,             -- AES-256-GCM, bound to scope, kind, name and version; null: there are none
  definition TEXT    NOT NULL, -- JSON; last, so that a count never reads past it
  PRIMARY KEY (scope, kind, name)
) STRICT;

-- What is sealed under an older key. What the cron sealed a moment ago comes last.
CREATE INDEX definitions_by_key ON definitions (key_id, resealed_at) WHERE key_id IS NOT NULL;
-- The actions that are offered to agents.
CREATE INDEX actions_for_agents ON definitions (scope, name, bytes)
  WHERE kind = 'action' AND json_type(definition, '$.agents') IS NOT NULL;
-- How many schedules a project has.
CREATE INDEX schedules_by_scope ON definitions (scope) WHERE kind = 'schedule';
-- What a token, or one below it, stored last.
CREATE INDEX definitions_by_lineage ON definitions (kind, changed_lineage, scope, name);

-- Versions that a later version replaced, without their secrets. The newest version is in definitions.
CREATE TABLE definition_versions (
  seq        INTEGER PRIMARY KEY, -- grows, so the version that was replaced first has the lowest
  scope      TEXT    NOT NULL, -- {org}/{project}/{env}
  kind       TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  changed_at INTEGER NOT NULL, -- ms
  changed_by TEXT    NOT NULL,
  changed_by_name TEXT NOT NULL,
  bytes      INTEGER NOT NULL, -- UTF-8 bytes of definition
  definition TEXT    NOT NULL, -- JSON
  UNIQUE (scope, kind, name, version)
) STRICT;

-- How much the versions of a kind take in an environment. A sum never reads the rows.
CREATE INDEX definition_versions_by_age ON definition_versions (scope, kind, seq, bytes);

-- The highest version that a deleted definition of a kind had. New ones get higher ones, so that no version repeats.
CREATE TABLE deleted_definitions (
  scope   TEXT    NOT NULL,
  kind    TEXT    NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (scope, kind)
) STRICT, WITHOUT ROWID;
