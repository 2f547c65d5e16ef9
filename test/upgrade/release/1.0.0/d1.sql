CREATE TABLE "d1_migrations" (
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		name       TEXT UNIQUE,
		applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
	);
INSERT INTO "d1_migrations" (id, name, applied_at) VALUES (1, '0001_tables.sql', '2026-11-29 13:06:51');
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
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-04f8-8001-81e3-6896781190bc', 3, 'succeeded', 'deploy', '0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11', 'root', NULL, NULL, NULL, NULL, 4073544012000, 429, '{"id":"03b3d7a6-04f8-8001-81e3-6896781190bc","actionName":"deploy","entityId":"0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11","status":"succeeded","parameters":{"version":"1.4.2","replicas":3},"recommendations":{"rollback":"1.4.1"},"triggeredBy":"root","createdAt":"2099-01-01T12:00:11.000Z","startedAt":"2099-01-01T12:00:12.000Z","completedAt":"2099-01-01T12:00:12.000Z","error":null,"output":{"url":"https://shop.example","n":[1,null]}}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["night","team:shop"],"traceparent":null,"externalUrl":"https://ci.example.com/1","heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-0cc8-8000-8d10-2a588a88c5f3', 2, 'failed', 'deploy', NULL, 'ada', NULL, NULL, NULL, NULL, 4073544013000, 331, '{"id":"03b3d7a6-0cc8-8000-8d10-2a588a88c5f3","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"ada","createdAt":"2099-01-01T12:00:13.000Z","startedAt":"2099-01-01T12:00:13.000Z","completedAt":"2099-01-01T12:00:13.000Z","error":"it''s \"broken\";\nsecond line","output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":"portal","waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-10b0-8002-a9d1-97ed060fe59f', 2, 'cancelled', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073544015000, 286, '{"id":"03b3d7a6-10b0-8002-a9d1-97ed060fe59f","actionName":"deploy","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:14.000Z","startedAt":null,"completedAt":"2099-01-01T12:00:15.000Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"wrong","requestedAt":"2099-01-01T12:00:15.000Z","until":"2099-01-01T12:00:15.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-1880-8001-96bc-f730ea77bf16', 2, 'failed', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073544076000, 342, '{"id":"03b3d7a6-1880-8001-96bc-f730ea77bf16","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:16.000Z","startedAt":null,"completedAt":"2099-01-01T12:01:16.000Z","error":"[timeout] No result was reported by 2099-01-01T12:01:16.000Z.","output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f128-8003-8f2c-eb1a4b6fcb0b', 1, 'pending', 'deploy', NULL, 'ops', NULL, NULL, NULL, NULL, 4073547737000, 261, '{"id":"03b3d7a7-f128-8003-8f2c-eb1a4b6fcb0b","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"ops","createdAt":"2099-01-01T12:02:17.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":"03b3d7a6-0cc8-8000-8d10-2a588a88c5f3","bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f510-8002-afe2-e1f746e8d48f', 2, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, 4073580138000, 283, '{"id":"03b3d7a7-f510-8002-afe2-e1f746e8d48f","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:18.000Z","startedAt":"2099-01-01T12:02:19.000Z","completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-fce0-8002-8a92-0e55e9a23dbd', 3, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, 4073547740000, 283, '{"id":"03b3d7a7-fce0-8002-8a92-0e55e9a23dbd","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:20.000Z","startedAt":"2099-01-01T12:02:21.000Z","completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:22.000Z","until":"2099-01-01T13:02:20.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0898-8003-9c7a-b8f522e407b8', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073549543000, 262, '{"id":"03b3d7a8-0898-8003-9c7a-b8f522e407b8","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:23.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0c80-8003-8f6e-f2497428c307', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073547744000, 262, '{"id":"03b3d7a8-0c80-8003-8f6e-f2497428c307","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:24.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1068-8003-82e0-e470051a576f', 2, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, 4073549545000, 296, '{"id":"03b3d7a8-1068-8003-82e0-e470051a576f","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:25.000Z","startedAt":"2099-01-01T12:02:26.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1450-8002-8d2c-bfc88f75a84d', 3, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, 4073549546000, 296, '{"id":"03b3d7a8-1450-8002-8d2c-bfc88f75a84d","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:26.000Z","startedAt":"2099-01-01T12:02:27.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"stop","requestedAt":"2099-01-01T12:02:33.000Z","until":"2099-01-01T13:02:33.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1838-8000-9179-1cf6e58576fb', 1, 'pending', 'flaky', NULL, 'ci', NULL, NULL, NULL, NULL, 4073547747000, 275, '{"id":"03b3d7a8-1838-8000-9179-1cf6e58576fb","actionName":"flaky","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:27.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"flaky","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1c20-8001-b90c-374f5d29dae9', 1, 'pending', 'release', NULL, 'ci', 'approval', NULL, '03b3d7a5-da00-76b3-bc60-ad941880ec04', '93b66ccb512ace4b', 4074154348000, 277, '{"id":"03b3d7a8-1c20-8001-b90c-374f5d29dae9","actionName":"release","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:28.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"release","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"approval","since":"2099-01-01T12:02:28.000Z","until":"2099-01-08T12:02:28.000Z","notBefore":null,"group":null,"key":null,"reason":null},"approval":{"required":1,"approvals":[]}}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2008-8003-a1ce-28e628811a5d', 1, 'pending', 'ship', NULL, 'ci', 'time', NULL, '03b3d7a5-da00-76b3-bc60-ad941880ec04', '93b66ccb512ace4b', 4074157948000, 274, '{"id":"03b3d7a8-2008-8003-a1ce-28e628811a5d","actionName":"ship","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:29.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"time","since":"2099-01-01T12:02:29.000Z","until":"2099-01-08T13:02:28.000Z","notBefore":"2099-01-01T13:02:28.000Z","group":null,"key":null,"reason":null},"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-23f0-8003-a8f8-68043f59efcf', 2, 'running', 'queue', NULL, 'ci', NULL, 'deploys', NULL, NULL, 4073547750000, 297, '{"id":"03b3d7a8-23f0-8003-a8f8-68043f59efcf","actionName":"queue","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:30.000Z","startedAt":"2099-01-01T12:02:31.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-27d8-8003-8725-e703baf40279', 1, 'pending', 'queue', NULL, 'ci', 'concurrency', 'deploys', '03b3d7a5-da00-76b3-bc60-ad941880ec04', '93b66ccb512ace4b', 4074152551000, 275, '{"id":"03b3d7a8-27d8-8003-8725-e703baf40279","actionName":"queue","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:31.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"concurrency","since":"2099-01-01T12:02:31.000Z","until":"2099-01-08T12:02:31.000Z","notBefore":null,"group":"deploys","key":"shop","reason":null},"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3390-8000-909a-97f36b5b77ee', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3390-8000-909a-97f36b5b77ee","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:34.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3778-8001-8180-1086dc48d589', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3778-8001-8180-1086dc48d589","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:35.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2bc0-8003-9aff-e57798ca128c', 1, 'pending', 'freeze', NULL, 'ci', 'pause', 'frozen', '03b3d7a5-da00-76b3-bc60-ad941880ec04', '93b66ccb512ace4b', 4074152552000, 276, '{"id":"03b3d7a8-2bc0-8003-9aff-e57798ca128c","actionName":"freeze","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:32.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"freeze","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"pause","since":"2099-01-01T12:02:32.000Z","until":"2099-01-08T12:02:32.000Z","notBefore":null,"group":"frozen","key":null,"reason":"a release freeze"},"approval":null}');
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
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3390-8000-909a-97f36b5b77ee');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3778-8001-8180-1086dc48d589');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'night', '03b3d7a6-04f8-8001-81e3-6896781190bc');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a6-04f8-8001-81e3-6896781190bc');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1068-8003-82e0-e470051a576f');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1450-8002-8d2c-bfc88f75a84d');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-2008-8003-a1ce-28e628811a5d');
CREATE TABLE coordinators (
  scope  TEXT    NOT NULL,
  n      INTEGER NOT NULL,
  due_at INTEGER NOT NULL, -- ms
  PRIMARY KEY (scope, n)
) STRICT, WITHOUT ROWID;
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 2, 4070952138000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 1, 4070952148000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 3, 4070952150000);
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
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-76b3-bc60-ad941880ec04', 'f7e1eb208a9589e777e2b6df064de5a2384af2861086b1b70a3cc8f84f69be27', 'ci', 'member', 'prod', 'ops', 4070952000000, NULL, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', '3d944c7ba2a5423e0e70e90ca2e71a92ef286df5df38b74c0d6b53a45e390e3d', 4071556802000, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'b3aa8c4f3da9f7005af5af4362659dc3edc5af1fd327fb78d7434145d4a2bb1a', 'ops', 'admin', NULL, 'root', 4070952000000, NULL, NULL, NULL, NULL, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7718-b784-32d13f182abf', '578ae74cb68540aaa0069e851f190e7966a8437544d87fbd6dfe35ad189aa548', 'portal', 'member', NULL, 'root', 4070952001000, 4102358400000, NULL, NULL, NULL, 4070952000000, NULL, 0, 1);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7cfd-82ec-119a997049dd', 'e71f4dab6a307c491e006b4fc12bc245796690b4d7e25b11692c242f230c86e2', 'release-manager', 'member', NULL, 'root', 4070952001000, NULL, NULL, NULL, NULL, NULL, NULL, 1, 0);
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
INSERT INTO "sessions" (hash, page_key_hash, project, id, token_id, token_hash, began_at, expires_at, last_used_at) VALUES ('650868892073020f763b25a991f6639a7809e5f6bb34038c78e4c3e28b056cda', 'a8670f44e3d3f283d317300e35deca26828bcc65c914ca2201630e4d9a012b2b', 'acme/of-a-release', '03b3d7a5-e1d0-7111-a58e-0d4607c1b0a5', '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'b3aa8c4f3da9f7005af5af4362659dc3edc5af1fd327fb78d7434145d4a2bb1a', 4070952002000, 4070995202000, NULL);
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
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-75a8-ac46-bf0d4b2a4645', NULL, 4070952000000, 'root', 'root', 'token_minted', '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-7ca4-b9dc-7c8056850a54', 'prod', 4070952000000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'token_minted', '03b3d7a5-da00-76b3-bc60-ad941880ec04', 'ci', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-72cc-b66b-1b72860c9099', NULL, 4070952000000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'token_minted', '03b3d7a5-da00-7bfd-a508-9506453add8d', 'left', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-713e-88c2-945bf34052ee', NULL, 4070952001000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'token_revoked', '03b3d7a5-da00-7bfd-a508-9506453add8d', 'left', NULL, NULL, NULL, '["03b3d7a5-da00-7bfd-a508-9506453add8d"]');
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-727b-af2b-f833a6c19a65', NULL, 4070952001000, 'root', 'root', 'token_minted', '03b3d7a5-dde8-7cfd-82ec-119a997049dd', 'release-manager', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7930-9f99-5be4bd42b041', NULL, 4070952001000, 'root', 'root', 'token_minted', '03b3d7a5-dde8-7718-b784-32d13f182abf', 'portal', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e1d0-7ac2-a6b2-c48a7cdb69c0', 'prod', 4070952002000, '03b3d7a5-da00-76b3-bc60-ad941880ec04', 'ci', 'token_rotated', '03b3d7a5-da00-76b3-bc60-ad941880ec04', 'ci', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e5b8-7145-b1d6-9b7168877f55', 'prod', 4070952003000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e9a0-7789-a317-0124e02395f2', 'prod', 4070952004000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-ed88-76ed-8a35-139235c12b0a', 'prod', 4070952005000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'action_put', 'release', 'release', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f170-76e1-9620-2558286743ac', 'prod', 4070952006000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'action_put', 'queue', 'queue', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f558-7d75-a93d-5f5253f1368f', 'prod', 4070952007000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'action_put', 'freeze', 'freeze', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f940-7089-bb7e-84d72b3e770e', 'prod', 4070952008000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'action_put', 'flaky', 'flaky', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-fd28-78e8-8441-f38ebafcaba2', 'prod', 4070952009000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'pause_put', 'frozen', 'frozen', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a6-0110-7703-a77a-56332d8bab0b', 'prod', 4070952010000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'webhook_endpoint_put', 'chat', 'chat', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a8-3778-7c62-a3ee-cece363a9fa0', 'prod', 4070952155000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'bulk_started', '03b3d7a8-3778-7c62-a3ee-cece363a9fa0', '03b3d7a8-3778-7c62-a3ee-cece363a9fa0', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10}', NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a8-38a4-7532-8c85-8312570f91f6', 'prod', 4070952155300, 'service', 'service', 'bulk_ended', '03b3d7a8-3778-7c62-a3ee-cece363a9fa0', '03b3d7a8-3778-7c62-a3ee-cece363a9fa0', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10,"status":"completed","abortReason":null,"counts":{"matched":2,"accepted":2,"skipped":0,"failed":0,"remaining":0}}', NULL);
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
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'ship', 2, 1, '03b3d7a5-e9a0-7789-a317-0124e02395f2', '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 4070952004000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'db4ad5b354eea23f', 0, 508, NULL, NULL, NULL, NULL, NULL, X'8E24F516C16EA5234C4BA91FCA8E65563E5266611B2F251F745696B2EC11348F17A75A16C570D360E11C7B76CF2E737B097529FF193E5ABF7DB5BB08791E5868907ECDA35D3802A9BE9663A7C470062A603A6505F24FB018D6C9844E5638433A6C5F48A2F5AC4A09AD31C840A69A96F8A1ADFE8AEA44306342A6FBBF2585F5FBE0D77D81A73ED07B1A9DBEB8CA9C4BEA51', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"parametersSchema":{"type":"object","properties":{"service":{"type":"string"}},"required":["service"]},"timeout":90,"labels":["team:shop"]}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'release', 1, 1, '03b3d7a5-ed88-76ed-8a35-139235c12b0a', '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 4070952005000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'db4ad5b354eea23f', 0, 426, NULL, '["gates"]', NULL, NULL, NULL, X'4F4EC6BBCEBB20314710BE86065564200BE6E5F45EAD12B2EBB486FB83F2075B50BD56C73969571F38AD75EEA8D302691D32AB895C3150E40F58E8C3764F168D45C634067577E9082B412BBEC8A3854D8871CBA1C446C1122091EE43A5ECBA99BF87B2FB0F43FA3F656D0DBB926E154304945A6B5A65B11A1FC02EDD57CA7A558B1FBED453B11F0673ACEE29FFD39B6395', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"timeout":90,"approval":{"required":1,"allowSelf":false}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'queue', 1, 1, '03b3d7a5-f170-76e1-9620-2558286743ac', '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 4070952006000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'db4ad5b354eea23f', 0, 467, NULL, '["gates"]', NULL, NULL, NULL, X'D3D9F49BAEC1761E4E3BDD0CFEB93E18A2074208BF7FF1E6F9B8DE1369DA698CB5420F79EEE8069D9F948FF0BCD0A2F77E67C71176516636100A46CF62AAA9DB8806A6BE115693765197237D498AC6827A0F90ACBCEDE3025C329378A934AA3C0C45202FA3BBA94916750D46E76733CE851ECC7653191935EEA47835CE447B0330D73E0AC574E2007D55372B2208BB94C6', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"deploys","key":"{{ parameters.service }}","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'freeze', 1, 1, '03b3d7a5-f558-7d75-a93d-5f5253f1368f', '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 4070952007000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'db4ad5b354eea23f', 0, 433, NULL, '["gates"]', NULL, NULL, NULL, X'611694467A3F006C1E7FA2786D4F4E6101770BB300A4F9E1D9DE75A09CCE41FE099E41990964A3DD085ED31C281605D68564E6B39EA3DA53E56A0A0BFD9D215C8C36C0157186693E395254428C456B9C98739CE814721880B1AA7F67FC7852F0D7F7C40B6883B2B39206DB7A1E86F17145A441ADA30E85FC3D9205F2EAB23294D0A5F78BEAF8D28B91766FC65F058F1880', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"frozen","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'flaky', 1, 1, '03b3d7a5-f940-7089-bb7e-84d72b3e770e', '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 4070952008000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'db4ad5b354eea23f', 0, 139, NULL, NULL, NULL, NULL, NULL, X'EFCC883AF06E24CD476D1943BDB211B27548E7CF9E8F1A182CBDC1A0DE600680D8EEEBBED438A5800E5EE6DAAD4CC8B4D2923B6A06ACBB26650B4671F75BEB8BF03DF2FFFB60594CE76455296806FFE6E719888DE4F79CAD659DC252472DDA', '{"trigger":{"type":"webhook","url":"https://down.example.com/hooks","method":"POST","startOn":"accepted","headers":{"Authorization":null}}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'webhook_endpoint', 'chat', 1, 1, '03b3d7a6-0110-7703-a77a-56332d8bab0b', '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 4070952010000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 'db4ad5b354eea23f', 0, 162, '{"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"actionNames":null,"labels":[],"showsPrevious":true}', NULL, NULL, NULL, NULL, X'4350C4AF358684E2B9D65F72EE809096D75FC628A626FB7D0FD6BDF5137F5A48CA57A67BC8AFC658CBB7A36D3F7BA3FA316FD2DC9EE825018D33E0715F35870C4CA3D3A5A856CA094C73538E84752B9795F43D69EA447C8B821B828A691E7025F67F518D0C35CA10DAA396DD257626285BA7212761741910EBDB03ECCEFBAE532ECEE3C5DCCB441DB63729105F3D97E41756BA1AF73319DCD24A4C952A5F7FC692ADB780840BF4989DA3A9E968A91F', '{"url":null,"headers":{},"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"signingSecret":null}');
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
INSERT INTO "definition_versions" (seq, scope, kind, name, version, changed_at, changed_by, changed_by_name, bytes, definition) VALUES (1, 'acme/of-a-release/prod', 'action', 'ship', 1, 4070952003000, '03b3d7a5-da00-7cf6-8eaa-6d202a9926ce', 'ops', 403, '{"description":"The first version","trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}}}');
CREATE INDEX definition_versions_by_age ON definition_versions (scope, kind, seq, bytes);
CREATE TABLE deleted_definitions (
  scope   TEXT    NOT NULL,
  kind    TEXT    NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (scope, kind)
) STRICT, WITHOUT ROWID;
