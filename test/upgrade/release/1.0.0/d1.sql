CREATE TABLE "d1_migrations" (
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		name       TEXT UNIQUE,
		applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
	);
INSERT INTO "d1_migrations" (id, name, applied_at) VALUES (1, '0001_tables.sql', '2026-11-29 13:18:19');
CREATE TABLE database_number (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  number INTEGER NOT NULL
) STRICT;
INSERT INTO "database_number" (id, number) VALUES (1, 0);
CREATE TABLE environments (
  scope      TEXT    NOT NULL, -- {org}/{project}/{env}
  database   INTEGER NOT NULL,
  generation INTEGER NOT NULL, -- grows with each move
  PRIMARY KEY (scope)
) STRICT, WITHOUT ROWID;
CREATE INDEX environments_by_database ON environments (database, scope);
CREATE TABLE database_report (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  looked_at  INTEGER NOT NULL, -- ms
  report     TEXT    NOT NULL
) STRICT;
CREATE TABLE runs (
  scope        TEXT    NOT NULL, -- {org}/{project}/{env}
  id           TEXT    NOT NULL, -- sorts by creation
  version      INTEGER NOT NULL CHECK (version > 0),
  status       TEXT    NOT NULL CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
  action_name  TEXT    NOT NULL,
  entity_id    TEXT,
  triggered_by TEXT    NOT NULL,
  waiting      TEXT CHECK (waiting IN ('time', 'approval', 'concurrency', 'pause')), -- the first gate that is closed
  concurrency_group TEXT,        -- null: none
  waiting_creator TEXT,          -- while it waits: the id of the token that created it, or root
  waiting_key_id  TEXT,          -- while it waits: which signing key sealed its request
  purge_at     INTEGER NOT NULL, -- ms; a row past it is never written again
  bytes        INTEGER NOT NULL, -- UTF-8 bytes of body
  body         TEXT    NOT NULL, -- the ActionRun as it goes on the wire; behind the filters, which never read past it
  details      TEXT,             -- what `?include=details` shows, as JSON; null for a run that was simply created
  PRIMARY KEY (scope, id)
) STRICT;
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-04f8-8003-82b9-d981b909ab22', 3, 'succeeded', 'deploy', '0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11', 'root', NULL, NULL, NULL, NULL, 4073544012000, 429, '{"id":"03b3d7a6-04f8-8003-82b9-d981b909ab22","actionName":"deploy","entityId":"0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11","status":"succeeded","parameters":{"version":"1.4.2","replicas":3},"recommendations":{"rollback":"1.4.1"},"triggeredBy":"root","createdAt":"2099-01-01T12:00:11.000Z","startedAt":"2099-01-01T12:00:12.000Z","completedAt":"2099-01-01T12:00:12.000Z","error":null,"output":{"url":"https://shop.example","n":[1,null]}}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["night","team:shop"],"traceparent":null,"externalUrl":"https://ci.example.com/1","heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-0cc8-8000-b923-a0f3ed8dafd6', 2, 'failed', 'deploy', NULL, 'ada', NULL, NULL, NULL, NULL, 4073544013000, 331, '{"id":"03b3d7a6-0cc8-8000-b923-a0f3ed8dafd6","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"ada","createdAt":"2099-01-01T12:00:13.000Z","startedAt":"2099-01-01T12:00:13.000Z","completedAt":"2099-01-01T12:00:13.000Z","error":"it''s \"broken\";\nsecond line","output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":"portal","waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-10b0-8001-9cd0-428f323eaa5e', 2, 'cancelled', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073544015000, 286, '{"id":"03b3d7a6-10b0-8001-9cd0-428f323eaa5e","actionName":"deploy","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:14.000Z","startedAt":null,"completedAt":"2099-01-01T12:00:15.000Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"wrong","requestedAt":"2099-01-01T12:00:15.000Z","until":"2099-01-01T12:00:15.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-1880-8002-89dc-0fa85ade83ce', 2, 'failed', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073544076000, 342, '{"id":"03b3d7a6-1880-8002-89dc-0fa85ade83ce","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:16.000Z","startedAt":null,"completedAt":"2099-01-01T12:01:16.000Z","error":"[timeout] No result was reported by 2099-01-01T12:01:16.000Z.","output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f510-8001-932c-260c89ff9ab7', 2, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, 4073580138000, 283, '{"id":"03b3d7a7-f510-8001-932c-260c89ff9ab7","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:18.000Z","startedAt":"2099-01-01T12:02:19.000Z","completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-fce0-8001-a9c7-4daf4ec71f24', 3, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, 4073547740000, 283, '{"id":"03b3d7a7-fce0-8001-a9c7-4daf4ec71f24","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:20.000Z","startedAt":"2099-01-01T12:02:21.000Z","completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:22.000Z","until":"2099-01-01T13:02:20.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0898-8002-b888-6b5b2b5c8afc', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073549543000, 262, '{"id":"03b3d7a8-0898-8002-b888-6b5b2b5c8afc","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:23.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1068-8001-baed-713ebe409830', 2, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, 4073549545000, 296, '{"id":"03b3d7a8-1068-8001-baed-713ebe409830","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:25.000Z","startedAt":"2099-01-01T12:02:26.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1450-8001-ba10-5cb8710e2d92', 3, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, 4073549546000, 296, '{"id":"03b3d7a8-1450-8001-ba10-5cb8710e2d92","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:26.000Z","startedAt":"2099-01-01T12:02:27.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"stop","requestedAt":"2099-01-01T12:02:33.000Z","until":"2099-01-01T13:02:33.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1838-8002-985f-a5b9b126155d', 1, 'pending', 'flaky', NULL, 'ci', NULL, NULL, NULL, NULL, 4073547747000, 275, '{"id":"03b3d7a8-1838-8002-985f-a5b9b126155d","actionName":"flaky","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:27.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"flaky","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3390-8001-b9fa-d4dd321a0924', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3390-8001-b9fa-d4dd321a0924","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:34.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3778-8001-a1bb-1bb0c97be96e', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3778-8001-a1bb-1bb0c97be96e","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:35.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1c20-8002-8e84-16fa3aa1ed38', 1, 'pending', 'release', NULL, 'ci', 'approval', NULL, '03b3d7a5-da00-75d8-a0a6-5b029619b71a', '93b66ccb512ace4b', 4074154348000, 277, '{"id":"03b3d7a8-1c20-8002-8e84-16fa3aa1ed38","actionName":"release","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:28.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"release","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"approval","since":"2099-01-01T12:02:28.000Z","until":"2099-01-08T12:02:28.000Z","notBefore":null,"group":null,"key":null,"reason":null},"approval":{"required":1,"approvals":[]}}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2008-8002-8863-e9970df559cf', 1, 'pending', 'ship', NULL, 'ci', 'time', NULL, '03b3d7a5-da00-75d8-a0a6-5b029619b71a', '93b66ccb512ace4b', 4074157948000, 274, '{"id":"03b3d7a8-2008-8002-8863-e9970df559cf","actionName":"ship","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:29.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"time","since":"2099-01-01T12:02:29.000Z","until":"2099-01-08T13:02:28.000Z","notBefore":"2099-01-01T13:02:28.000Z","group":null,"key":null,"reason":null},"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f128-8003-a006-75f81c33d7c6', 1, 'pending', 'deploy', NULL, 'ops', NULL, NULL, NULL, NULL, 4073547737000, 261, '{"id":"03b3d7a7-f128-8003-a006-75f81c33d7c6","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"ops","createdAt":"2099-01-01T12:02:17.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":"03b3d7a6-0cc8-8000-b923-a0f3ed8dafd6","bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0c80-8003-9a84-3e81cf69b656', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073547744000, 262, '{"id":"03b3d7a8-0c80-8003-9a84-3e81cf69b656","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:24.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-23f0-8003-8921-fd96e7a783a1', 2, 'running', 'queue', NULL, 'ci', NULL, 'deploys', NULL, NULL, 4073547750000, 297, '{"id":"03b3d7a8-23f0-8003-8921-fd96e7a783a1","actionName":"queue","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:30.000Z","startedAt":"2099-01-01T12:02:31.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-27d8-8003-825b-a6db19490329', 1, 'pending', 'queue', NULL, 'ci', 'concurrency', 'deploys', '03b3d7a5-da00-75d8-a0a6-5b029619b71a', '93b66ccb512ace4b', 4074152551000, 275, '{"id":"03b3d7a8-27d8-8003-825b-a6db19490329","actionName":"queue","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:31.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"concurrency","since":"2099-01-01T12:02:31.000Z","until":"2099-01-08T12:02:31.000Z","notBefore":null,"group":"deploys","key":"shop","reason":null},"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2bc0-8003-83c6-a12d25cc9f91', 1, 'pending', 'freeze', NULL, 'ci', 'pause', 'frozen', '03b3d7a5-da00-75d8-a0a6-5b029619b71a', '93b66ccb512ace4b', 4074152552000, 276, '{"id":"03b3d7a8-2bc0-8003-83c6-a12d25cc9f91","actionName":"freeze","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:32.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"freeze","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"pause","since":"2099-01-01T12:02:32.000Z","until":"2099-01-08T12:02:32.000Z","notBefore":null,"group":"frozen","key":null,"reason":"a release freeze"},"approval":null}');
CREATE INDEX runs_by_status ON runs (scope, status, id);
CREATE INDEX runs_by_action ON runs (scope, action_name, id);
CREATE INDEX runs_by_entity ON runs (scope, entity_id, id) WHERE entity_id IS NOT NULL;
CREATE INDEX runs_by_trigger ON runs (scope, triggered_by, id);
CREATE INDEX runs_by_group ON runs (scope, concurrency_group, id) WHERE concurrency_group IS NOT NULL;
CREATE INDEX runs_by_waiting ON runs (scope, waiting, id) WHERE waiting IS NOT NULL AND status = 'pending';
CREATE INDEX waiting_runs_by_creator ON runs (waiting_creator, scope)
  WHERE waiting_creator IS NOT NULL AND status = 'pending';
CREATE INDEX waiting_runs_by_key ON runs (waiting_key_id) WHERE waiting_key_id IS NOT NULL AND status = 'pending';
CREATE TABLE run_labels (
  scope TEXT NOT NULL, -- {org}/{project}/{env}
  label TEXT NOT NULL,
  id    TEXT NOT NULL, -- the run's
  PRIMARY KEY (scope, label, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3390-8001-b9fa-d4dd321a0924');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3778-8001-a1bb-1bb0c97be96e');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'night', '03b3d7a6-04f8-8003-82b9-d981b909ab22');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a6-04f8-8003-82b9-d981b909ab22');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1068-8001-baed-713ebe409830');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1450-8001-ba10-5cb8710e2d92');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-2008-8002-8863-e9970df559cf');
CREATE TABLE coordinators (
  scope  TEXT    NOT NULL,
  n      INTEGER NOT NULL,
  due_at INTEGER NOT NULL, -- ms
  PRIMARY KEY (scope, n)
) STRICT, WITHOUT ROWID;
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 3, 4070952137000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 1, 4070952138000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 2, 4070952144421);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 0, 4070952155000);
CREATE INDEX coordinators_by_due ON coordinators (due_at);
CREATE TABLE tokens (
  project    TEXT    NOT NULL, -- {org}/{project}
  id         TEXT    NOT NULL, -- sorts by creation
  hash       TEXT    NOT NULL UNIQUE, -- hex, of the newest secret
  name       TEXT    NOT NULL,
  role       TEXT    NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  env_name   TEXT,             -- null: every environment of the project
  created_by TEXT    NOT NULL,
  created_at INTEGER NOT NULL, -- ms
  expires_at INTEGER,          -- ms
  parent_id  TEXT,             -- the token that minted it, so that revoking one revokes those below it; null: the operator
  old_hash       TEXT UNIQUE,  -- hex, of the secret that a rotation replaced; null: there was no rotation
  old_expires_at INTEGER,      -- ms, until when that secret works
  last_used_at   INTEGER,      -- ms, down to the hour; null: never
  person         TEXT,         -- for whom the token acts, for its whole life; null: for nobody in particular
  may_approve    INTEGER NOT NULL DEFAULT 0, -- 1: it may approve and reject runs
  may_act_for_others INTEGER NOT NULL DEFAULT 0, -- 1: its requests may name a person in On-Behalf-Of
  PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-75d8-a0a6-5b029619b71a', 'ef179252abd547be5144f4ae093d84c26ac9af471ae7196d1e53ba99f6748980', 'ci', 'member', 'prod', 'ops', 4070952000000, NULL, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'cc437d4f2f70e7f48d36c1652b93cce0f1375271f83dd997ebca1d542fa75329', 4071556802000, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', '7ccbea8fadb6c2d7901ea1830d2c48deae634679e7aa184e525dbfbc5571c96e', 'ops', 'admin', NULL, 'root', 4070952000000, NULL, NULL, NULL, NULL, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-73c6-aac9-c29a641ba092', '36607df3632516349491ea089596c7239860ff49bf6e64cbdabecd6688e6115c', 'portal', 'member', NULL, 'root', 4070952001000, 4102358400000, NULL, NULL, NULL, 4070952000000, NULL, 0, 1);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7ba6-82d5-854d22f546a4', '54a89012ad84e090760a8487c6f44c87eadaa5cdb08d000051e12064197707eb', 'release-manager', 'member', NULL, 'root', 4070952001000, NULL, NULL, NULL, NULL, NULL, NULL, 1, 0);
CREATE INDEX tokens_by_parent ON tokens (project, parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE sessions (
  hash          TEXT    NOT NULL, -- hex, of the cookie and its purpose; SHA-256, or HMAC-SHA-256 under ROOT_TOKEN
  page_key_hash TEXT    NOT NULL, -- hex, SHA-256 of what the page sends besides the cookie
  project       TEXT    NOT NULL, -- {org}/{project}
  id            TEXT    NOT NULL, -- sorts by beginning
  token_id      TEXT,             -- null: the operator's
  token_hash    TEXT,             -- which secret of the token began it
  began_at      INTEGER NOT NULL, -- ms
  expires_at    INTEGER NOT NULL, -- ms
  last_used_at  INTEGER,          -- ms, down to the hour
  PRIMARY KEY (hash)
) STRICT, WITHOUT ROWID;
INSERT INTO "sessions" (hash, page_key_hash, project, id, token_id, token_hash, began_at, expires_at, last_used_at) VALUES ('30e3c226bcea2210a898924d78d48afd8502c1fe843018bbe01eb76953d5b28b', '28bc2212dce8371f3f48e866f7d8d76ca2cf00c2e06dfd35054d08b7a97ef056', 'acme/of-a-release', '03b3d7a5-e1d0-7233-85e4-cde94bb7275a', '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', '7ccbea8fadb6c2d7901ea1830d2c48deae634679e7aa184e525dbfbc5571c96e', 4070952002000, 4070995202000, NULL);
CREATE UNIQUE INDEX sessions_by_id ON sessions (project, id);
CREATE INDEX sessions_by_token ON sessions (project, token_id, id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE TABLE sign_in_codes (
  hash       TEXT    NOT NULL, -- hex, SHA-256
  project    TEXT    NOT NULL, -- {org}/{project}
  expires_at INTEGER NOT NULL, -- ms
  PRIMARY KEY (hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  project    TEXT    NOT NULL, -- {org}/{project}
  id         TEXT    NOT NULL, -- sorts by time
  env_name   TEXT,             -- null: the whole project
  at         INTEGER NOT NULL, -- ms
  actor      TEXT    NOT NULL, -- a token's id, or root
  actor_name TEXT    NOT NULL,
  action     TEXT    NOT NULL,
  target     TEXT    NOT NULL, -- a token's or session's id, an action's name, or the scope {org}/{project}/{env}
  target_name TEXT   NOT NULL, -- the token's or the action's name, or the scope: a revoked token has no row
  session_id TEXT,             -- the session through which the actor's token acted
  gates      TEXT CHECK (gates IN ('added', 'weakened', 'removed')), -- what the change of an action did to its gates
  bulk       TEXT,             -- what a bulk operation does and how it ended, as JSON
  revoked    TEXT,             -- ids of all tokens that a revocation took away, as JSON
  PRIMARY KEY (project, id)
) STRICT;
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-728d-9f9a-7b977c799d64', NULL, 4070952000000, 'root', 'root', 'token_minted', '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-7ce1-b230-2ca50c19f965', 'prod', 4070952000000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'token_minted', '03b3d7a5-da00-75d8-a0a6-5b029619b71a', 'ci', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-7689-9c7e-2d5e993c0f1e', NULL, 4070952000000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'token_minted', '03b3d7a5-da00-7903-9010-07e3f9465a64', 'left', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7d07-8955-ffe4ffac2ef9', NULL, 4070952001000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'token_revoked', '03b3d7a5-da00-7903-9010-07e3f9465a64', 'left', NULL, NULL, NULL, '["03b3d7a5-da00-7903-9010-07e3f9465a64"]');
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7c4d-8417-ebf8eb069695', NULL, 4070952001000, 'root', 'root', 'token_minted', '03b3d7a5-dde8-7ba6-82d5-854d22f546a4', 'release-manager', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7bb8-adaa-fc52f0e6969a', NULL, 4070952001000, 'root', 'root', 'token_minted', '03b3d7a5-dde8-73c6-aac9-c29a641ba092', 'portal', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e1d0-7a66-926f-4dc9a563172d', 'prod', 4070952002000, '03b3d7a5-da00-75d8-a0a6-5b029619b71a', 'ci', 'token_rotated', '03b3d7a5-da00-75d8-a0a6-5b029619b71a', 'ci', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e5b8-7351-b604-1b1f51cff637', 'prod', 4070952003000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e9a0-7841-82e4-6e6aff6aee99', 'prod', 4070952004000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-ed88-7950-b712-763896f6ba3e', 'prod', 4070952005000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'action_put', 'release', 'release', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f170-7e6f-bb06-ce0eb01fea81', 'prod', 4070952006000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'action_put', 'queue', 'queue', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f558-7f77-bc44-45567b1fbb11', 'prod', 4070952007000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'action_put', 'freeze', 'freeze', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f940-79a8-8674-02d0973d2715', 'prod', 4070952008000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'action_put', 'flaky', 'flaky', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-fd28-72b7-8eb1-c7cc3d5dff6b', 'prod', 4070952009000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'pause_put', 'frozen', 'frozen', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a6-0110-7734-a6ba-1b41e28eb2ca', 'prod', 4070952010000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'webhook_endpoint_put', 'chat', 'chat', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a8-3778-7705-9fa9-8caae942ba0e', 'prod', 4070952155000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'bulk_started', '03b3d7a8-3778-7705-9fa9-8caae942ba0e', '03b3d7a8-3778-7705-9fa9-8caae942ba0e', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10}', NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a8-38a4-787e-87bb-8d3fed9aee56', 'prod', 4070952155300, 'service', 'service', 'bulk_ended', '03b3d7a8-3778-7705-9fa9-8caae942ba0e', '03b3d7a8-3778-7705-9fa9-8caae942ba0e', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10,"status":"completed","abortReason":null,"counts":{"matched":2,"accepted":2,"skipped":0,"failed":0,"remaining":0}}', NULL);
CREATE INDEX audit_by_env ON audit (project, env_name, id);
CREATE INDEX audit_by_time ON audit (at);
CREATE TABLE definitions (
  scope      TEXT    NOT NULL, -- {org}/{project}/{env}
  kind       TEXT    NOT NULL CHECK (kind IN ('action', 'webhook_endpoint')),
  name       TEXT    NOT NULL,
  version    INTEGER NOT NULL CHECK (version > 0),
  created_version INTEGER NOT NULL, -- the first version; with the name it tells the definition from a later one
  change_id  TEXT    NOT NULL, -- the audit entry of the change that wrote this version
  created_by TEXT    NOT NULL, -- a token's id, or root
  created_by_name TEXT NOT NULL,
  changed_at INTEGER NOT NULL, -- ms
  changed_by TEXT    NOT NULL, -- a token's id, or root
  changed_by_name TEXT NOT NULL,
  key_id     TEXT,             -- which signing key sealed the secrets; null: there are none
  resealed_at INTEGER NOT NULL DEFAULT 0, -- ms, when the cron sealed the secrets again; 0: the change sealed them
  bytes      INTEGER NOT NULL, -- UTF-8 bytes of definition
  filter     TEXT CHECK ((filter IS NULL) = (kind = 'action')), -- JSON: which runs an endpoint hears of
  features   TEXT,             -- JSON array: what older code must not ignore in the definition; null: nothing
  disabled_version INTEGER,    -- the version that the service has disabled; another version is not disabled
  disabled_at INTEGER,         -- ms
  disabled_reason TEXT,
  secrets    BLOB,             -- AES-256-GCM, bound to scope, kind, name and version; null: there are none
  definition TEXT    NOT NULL, -- JSON; last, so that a count never reads past it
  PRIMARY KEY (scope, kind, name)
) STRICT;
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'ship', 2, 1, '03b3d7a5-e9a0-7841-82e4-6e6aff6aee99', '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 4070952004000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'db4ad5b354eea23f', 0, 508, NULL, NULL, NULL, NULL, NULL, X'0973AAFFCCF9349312720B104344AEF5ED3527D40FB7180C776F7D28DEC36FCA533B278559206A8FC7EFD1D726FF65DCAE41C71262643AC5A888D8A1CAB2DE4253C4D42D8A0F70288CBD05D8687780924866199BFAF7E6850892D36D365F25C732DA334B8398B2CD2452F2128A31F13772617148E20E7E5A440D28D65AF4D1A5C53EFF0B67EC280C68BF8E880255EC8ACD', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"parametersSchema":{"type":"object","properties":{"service":{"type":"string"}},"required":["service"]},"timeout":90,"labels":["team:shop"]}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'release', 1, 1, '03b3d7a5-ed88-7950-b712-763896f6ba3e', '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 4070952005000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'db4ad5b354eea23f', 0, 426, NULL, '["gates"]', NULL, NULL, NULL, X'85E94D31BCE259C6EF0D217CCBEC98AA904E0873230A6486655A4A5537B96C0093C9591D56DF3D06553B88853C2368D7650845321F7E7C85BA9BC9CAD7E3A7BA3958F94A5822241CBE1667ED9A5B5E31E837DB176BFB70B295E4163BEE160C16FA7C7C24B2A1B1A5CDB4BE6E5AC8526ABBE1536AFEF08ABD47BE9217C48637C82E66C9F77447C0566D362FB2DC5651A1D5', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"timeout":90,"approval":{"required":1,"allowSelf":false}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'queue', 1, 1, '03b3d7a5-f170-7e6f-bb06-ce0eb01fea81', '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 4070952006000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'db4ad5b354eea23f', 0, 467, NULL, '["gates"]', NULL, NULL, NULL, X'34F1579270798CFC5FFDC0ECD6B870EB92C7F72DD3507CCD9925457993031A2452FDDD2D761B159836477D87BED2D3CAABB8EE5991146CC6335D2940561D8A5E4B569E8F91BFF3CF6E94F3C9C041591CD2F78CD26EF5B13FE119F53A04F2E09B944176C9293052B8DDF95B98E6DA83BBCB7B719228BD31CEBE363DF7309901939C2AA9429F996B92D69424B0917A54F12F', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"deploys","key":"{{ parameters.service }}","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'freeze', 1, 1, '03b3d7a5-f558-7f77-bc44-45567b1fbb11', '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 4070952007000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'db4ad5b354eea23f', 0, 433, NULL, '["gates"]', NULL, NULL, NULL, X'472CC5E788AC587D5FE49E9D55683E75D6D394FE0F81E2EAD0864BB1514D9F363624229AF015FDF98BEA5DB6FB15FADB3C391DE8DF99EA04FA927622EDC9DB9689E47750F31ECA46DAC08113AEBEB6CE299B0CCF25E7673563DEBB269091F6E8A46BECBCF64118DA09A126A6E8A5F2296BE59C3679A1ABDD67F6549072FBA8F030AAE9CDD19E5E3CEE77AE13D9AEB3465C', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"frozen","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'flaky', 1, 1, '03b3d7a5-f940-79a8-8674-02d0973d2715', '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 4070952008000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'db4ad5b354eea23f', 0, 139, NULL, NULL, NULL, NULL, NULL, X'8E8D52045D0B1B5308BEA72D288B313C64F8F5CF29CE4102010C82CDD43CC2F24A7D2EA50A3AFFB8CF936F766CAFE738E0A838B45CFF9623894801A0AD7AF9747C338C4CAFFF567285D3B156B58645589FDD6FB9A84011BB31D065EE97F4FC', '{"trigger":{"type":"webhook","url":"https://down.example.com/hooks","method":"POST","startOn":"accepted","headers":{"Authorization":null}}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'webhook_endpoint', 'chat', 1, 1, '03b3d7a6-0110-7734-a6ba-1b41e28eb2ca', '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 4070952010000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 'db4ad5b354eea23f', 0, 162, '{"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"actionNames":null,"labels":[],"showsPrevious":true}', NULL, NULL, NULL, NULL, X'3F5F1A626B4E8598087F7A2E0496DB5E41E4664122C144B9174EABAC37EF874E47C47B7481C76D3E2326054B9EB5A54273ED5727B893BDFEC112836D05354BF9220265FAFBFC1D45B180730433DF200B279B9C6543F461739B9CA0BC203E72CFCAF59E050A11971CB83A02A7A1E197A1D2939F7228CA926D2EB4330A1EF003EC275045D7B4417721F4720A08F81B67604CC08CBC67696A0601A5BA84D352DAE3E424B6B010A38B7BF44A839A749F59', '{"url":null,"headers":{},"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"signingSecret":null}');
CREATE INDEX definitions_by_key ON definitions (key_id, resealed_at) WHERE key_id IS NOT NULL;
CREATE INDEX endpoints_by_author ON definitions (changed_by, scope, name) WHERE kind = 'webhook_endpoint';
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
INSERT INTO "definition_versions" (seq, scope, kind, name, version, changed_at, changed_by, changed_by_name, bytes, definition) VALUES (1, 'acme/of-a-release/prod', 'action', 'ship', 1, 4070952003000, '03b3d7a5-da00-7aa3-8c6a-259da8f871ed', 'ops', 403, '{"description":"The first version","trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}}}');
CREATE INDEX definition_versions_by_age ON definition_versions (scope, kind, seq, bytes);
CREATE TABLE deleted_definitions (
  scope   TEXT    NOT NULL,
  kind    TEXT    NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (scope, kind)
) STRICT, WITHOUT ROWID;
