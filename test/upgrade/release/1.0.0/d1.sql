CREATE TABLE "d1_migrations" (
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		name       TEXT UNIQUE,
		applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
	);
INSERT INTO "d1_migrations" (id, name, applied_at) VALUES (1, '0001_tables.sql', '2026-11-29 14:36:01');
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
  status       TEXT    NOT NULL
    CHECK (status = 'pending' OR status = 'running' OR status = 'succeeded' OR status = 'failed' OR status = 'cancelled'),
  action_name  TEXT    NOT NULL,
  entity_id    TEXT,
  triggered_by TEXT    NOT NULL,
  waiting      TEXT -- the first gate that is closed
    CHECK (waiting IS NULL OR waiting = 'time' OR waiting = 'approval' OR waiting = 'concurrency' OR waiting = 'pause'),
  concurrency_group TEXT,        -- null: none
  waiting_creator TEXT,          -- while it waits: the id of the token that created it, or root
  waiting_key_id  TEXT,          -- while it waits: which signing key sealed its request
  purge_at     INTEGER NOT NULL, -- ms; a row past it is never written again
  bytes        INTEGER NOT NULL, -- UTF-8 bytes of body
  body         TEXT    NOT NULL, -- the ActionRun as it goes on the wire; behind the filters, which never read past it
  details      TEXT,             -- what `?include=details` shows, as JSON; null for a run that was simply created
  PRIMARY KEY (scope, id)
) STRICT;
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-04f8-8000-bb54-dd0ddd7b8835', 3, 'succeeded', 'deploy', '0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11', 'root', NULL, NULL, NULL, NULL, 4073544012000, 429, '{"id":"03b3d7a6-04f8-8000-bb54-dd0ddd7b8835","actionName":"deploy","entityId":"0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11","status":"succeeded","parameters":{"version":"1.4.2","replicas":3},"recommendations":{"rollback":"1.4.1"},"triggeredBy":"root","createdAt":"2099-01-01T12:00:11.000Z","startedAt":"2099-01-01T12:00:12.000Z","completedAt":"2099-01-01T12:00:12.000Z","error":null,"output":{"url":"https://shop.example","n":[1,null]}}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["night","team:shop"],"traceparent":null,"externalUrl":"https://ci.example.com/1","heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-0cc8-8002-bb55-d611c3be44c9', 2, 'failed', 'deploy', NULL, 'ada', NULL, NULL, NULL, NULL, 4073544013000, 331, '{"id":"03b3d7a6-0cc8-8002-bb55-d611c3be44c9","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"ada","createdAt":"2099-01-01T12:00:13.000Z","startedAt":"2099-01-01T12:00:13.000Z","completedAt":"2099-01-01T12:00:13.000Z","error":"it''s \"broken\";\nsecond line","output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":"portal","waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-1880-8003-a9d5-b4ca0f4739d9', 2, 'failed', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073544076000, 342, '{"id":"03b3d7a6-1880-8003-a9d5-b4ca0f4739d9","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:16.000Z","startedAt":null,"completedAt":"2099-01-01T12:01:16.000Z","error":"[timeout] No result was reported by 2099-01-01T12:01:16.000Z.","output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-10b0-8000-b6d2-5fbedb68c919', 2, 'cancelled', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073544015000, 286, '{"id":"03b3d7a6-10b0-8000-b6d2-5fbedb68c919","actionName":"deploy","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:14.000Z","startedAt":null,"completedAt":"2099-01-01T12:00:15.000Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"wrong","requestedAt":"2099-01-01T12:00:15.000Z","until":"2099-01-01T12:00:15.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0898-8000-be15-e028303745ab', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073549543000, 262, '{"id":"03b3d7a8-0898-8000-be15-e028303745ab","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:23.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1068-8001-930b-32754a9f1e5c', 2, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, 4073549545000, 296, '{"id":"03b3d7a8-1068-8001-930b-32754a9f1e5c","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:25.000Z","startedAt":"2099-01-01T12:02:26.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1838-8000-918f-18646efa6c1a', 1, 'pending', 'flaky', NULL, 'ci', NULL, NULL, NULL, NULL, 4073547747000, 275, '{"id":"03b3d7a8-1838-8000-918f-18646efa6c1a","actionName":"flaky","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:27.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"flaky","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1c20-8002-a445-cbc80afd057e', 1, 'pending', 'release', NULL, 'ci', 'approval', NULL, '03b3d7a5-da00-7bab-9e00-634171e65526', '93b66ccb512ace4b', 4074154348000, 277, '{"id":"03b3d7a8-1c20-8002-a445-cbc80afd057e","actionName":"release","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:28.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"release","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"approval","since":"2099-01-01T12:02:28.000Z","until":"2099-01-08T12:02:28.000Z","notBefore":null,"group":null,"key":null,"reason":null},"approval":{"required":1,"approvals":[]}}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3390-8001-b960-2b84182edc10', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3390-8001-b960-2b84182edc10","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:34.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3778-8000-a205-71ad07553aa8', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3778-8000-a205-71ad07553aa8","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:35.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f128-8003-93f8-a3849a978b9f', 1, 'pending', 'deploy', NULL, 'ops', NULL, NULL, NULL, NULL, 4073547737000, 261, '{"id":"03b3d7a7-f128-8003-93f8-a3849a978b9f","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"ops","createdAt":"2099-01-01T12:02:17.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":"03b3d7a6-0cc8-8002-bb55-d611c3be44c9","bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f510-8003-ba14-db1ea1ef4dbb', 2, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, 4073580138000, 283, '{"id":"03b3d7a7-f510-8003-ba14-db1ea1ef4dbb","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:18.000Z","startedAt":"2099-01-01T12:02:19.000Z","completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-fce0-8003-9b55-676e085b370a', 3, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, 4073547740000, 283, '{"id":"03b3d7a7-fce0-8003-9b55-676e085b370a","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:20.000Z","startedAt":"2099-01-01T12:02:21.000Z","completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:22.000Z","until":"2099-01-01T13:02:20.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0c80-8003-a7f0-7c3eb1e0c745', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073547744000, 262, '{"id":"03b3d7a8-0c80-8003-a7f0-7c3eb1e0c745","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:24.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1450-8003-9594-ff4a44eb9354', 3, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, 4073549546000, 296, '{"id":"03b3d7a8-1450-8003-9594-ff4a44eb9354","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:26.000Z","startedAt":"2099-01-01T12:02:27.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"stop","requestedAt":"2099-01-01T12:02:33.000Z","until":"2099-01-01T13:02:33.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2008-8003-a750-91b14ef2a386', 1, 'pending', 'ship', NULL, 'ci', 'time', NULL, '03b3d7a5-da00-7bab-9e00-634171e65526', '93b66ccb512ace4b', 4074157948000, 274, '{"id":"03b3d7a8-2008-8003-a750-91b14ef2a386","actionName":"ship","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:29.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"time","since":"2099-01-01T12:02:29.000Z","until":"2099-01-08T13:02:28.000Z","notBefore":"2099-01-01T13:02:28.000Z","group":null,"key":null,"reason":null},"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-23f0-8003-ae05-4727dae02eca', 2, 'running', 'queue', NULL, 'ci', NULL, 'deploys', NULL, NULL, 4073547750000, 297, '{"id":"03b3d7a8-23f0-8003-ae05-4727dae02eca","actionName":"queue","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:30.000Z","startedAt":"2099-01-01T12:02:31.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-27d8-8003-bf24-ea3ff4200c50', 1, 'pending', 'queue', NULL, 'ci', 'concurrency', 'deploys', '03b3d7a5-da00-7bab-9e00-634171e65526', '93b66ccb512ace4b', 4074152551000, 275, '{"id":"03b3d7a8-27d8-8003-bf24-ea3ff4200c50","actionName":"queue","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:31.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"concurrency","since":"2099-01-01T12:02:31.000Z","until":"2099-01-08T12:02:31.000Z","notBefore":null,"group":"deploys","key":"shop","reason":null},"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2bc0-8003-bcf2-149d17073aab', 1, 'pending', 'freeze', NULL, 'ci', 'pause', 'frozen', '03b3d7a5-da00-7bab-9e00-634171e65526', '93b66ccb512ace4b', 4074152552000, 276, '{"id":"03b3d7a8-2bc0-8003-bcf2-149d17073aab","actionName":"freeze","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:32.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"freeze","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"pause","since":"2099-01-01T12:02:32.000Z","until":"2099-01-08T12:02:32.000Z","notBefore":null,"group":"frozen","key":null,"reason":"a release freeze"},"approval":null}');
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
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3390-8001-b960-2b84182edc10');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3778-8000-a205-71ad07553aa8');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'night', '03b3d7a6-04f8-8000-bb54-dd0ddd7b8835');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a6-04f8-8000-bb54-dd0ddd7b8835');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1068-8001-930b-32754a9f1e5c');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1450-8003-9594-ff4a44eb9354');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-2008-8003-a750-91b14ef2a386');
CREATE TABLE coordinators (
  scope  TEXT    NOT NULL,
  n      INTEGER NOT NULL,
  due_at INTEGER NOT NULL, -- ms
  PRIMARY KEY (scope, n)
) STRICT, WITHOUT ROWID;
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 2, 4070952137000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 0, 4070952155000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 3, 4070952155000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 1, 4070952175000);
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
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-7bab-9e00-634171e65526', '090276e5915d5646baab7a2507b90fb75efbbc464d816de3bb1cad4dd630410d', 'ci', 'member', 'prod', 'ops', 4070952000000, NULL, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', '16eb2d3a8bb990e3de485de8dff1474baa9abb410ab7c0307130f5e5f08234cc', 4071556802000, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', '14141740514e40a852471ca88f8d84ddf26aeeaebf128f342abe5c4a0cf041dd', 'ops', 'admin', NULL, 'root', 4070952000000, NULL, NULL, NULL, NULL, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-734b-964c-b712a48b86f1', 'b6b30d61766f2be3a957de14645ed1e6bd8cb9e61e26e4d2cc84646a429f3ceb', 'release-manager', 'member', NULL, 'root', 4070952001000, NULL, NULL, NULL, NULL, NULL, NULL, 1, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7618-b6eb-5e5304ff666d', '44f54d231ec9106896dfd68f112d85573762e65f21450807d2af5959111c3883', 'portal', 'member', NULL, 'root', 4070952001000, 4102358400000, NULL, NULL, NULL, 4070952000000, NULL, 0, 1);
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
INSERT INTO "sessions" (hash, page_key_hash, project, id, token_id, token_hash, began_at, expires_at, last_used_at) VALUES ('3203efeda63ce6246c71353dc8398c6d89a199fcb971b5a075bee8b6425c91f2', 'bf9717b1399287acfccc88122a51a054552dd8ac55cfec956550316b748d5844', 'acme/of-a-release', '03b3d7a5-e1d0-773d-b0ee-20bc2dab3862', '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', '14141740514e40a852471ca88f8d84ddf26aeeaebf128f342abe5c4a0cf041dd', 4070952002000, 4070995202000, NULL);
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
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-7f20-9f5a-22637d6d062d', NULL, 4070952000000, 'root', 'root', 'token_minted', '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-7fe8-b996-32dd1157c47d', 'prod', 4070952000000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'token_minted', '03b3d7a5-da00-7bab-9e00-634171e65526', 'ci', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-7f11-a848-1e9d6f0d57b7', NULL, 4070952000000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'token_minted', '03b3d7a5-da00-7927-9628-96c321d023d1', 'left', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7d4e-914f-acc7fe1f5c3f', NULL, 4070952001000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'token_revoked', '03b3d7a5-da00-7927-9628-96c321d023d1', 'left', NULL, NULL, NULL, '["03b3d7a5-da00-7927-9628-96c321d023d1"]');
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-761d-9b86-1294544f1311', NULL, 4070952001000, 'root', 'root', 'token_minted', '03b3d7a5-dde8-734b-964c-b712a48b86f1', 'release-manager', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-75c6-8bc8-e4de130b6fbd', NULL, 4070952001000, 'root', 'root', 'token_minted', '03b3d7a5-dde8-7618-b6eb-5e5304ff666d', 'portal', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e1d0-772c-b23f-af3dffac80e9', 'prod', 4070952002000, '03b3d7a5-da00-7bab-9e00-634171e65526', 'ci', 'token_rotated', '03b3d7a5-da00-7bab-9e00-634171e65526', 'ci', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e5b8-709b-90d3-ee963940af3c', 'prod', 4070952003000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e9a0-73ef-8255-61309629ce0d', 'prod', 4070952004000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-ed88-71aa-a553-515f005b244f', 'prod', 4070952005000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'action_put', 'release', 'release', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f170-77e5-b469-3af7f6d02c76', 'prod', 4070952006000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'action_put', 'queue', 'queue', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f558-77bf-af84-b685f2742dfe', 'prod', 4070952007000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'action_put', 'freeze', 'freeze', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f940-78cd-88a4-20e6b0796bc2', 'prod', 4070952008000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'action_put', 'flaky', 'flaky', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-fd28-7828-8e9a-a78562f72597', 'prod', 4070952009000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'pause_put', 'frozen', 'frozen', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a6-0110-7a8e-be49-9b0b8e84c4b7', 'prod', 4070952010000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'webhook_endpoint_put', 'chat', 'chat', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a8-3778-7f16-9c18-cd398e8c4fe3', 'prod', 4070952155000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'bulk_started', '03b3d7a8-3778-7f16-9c18-cd398e8c4fe3', '03b3d7a8-3778-7f16-9c18-cd398e8c4fe3', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10}', NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a8-38a4-7c9e-8349-6c4149565d59', 'prod', 4070952155300, 'service', 'service', 'bulk_ended', '03b3d7a8-3778-7f16-9c18-cd398e8c4fe3', '03b3d7a8-3778-7f16-9c18-cd398e8c4fe3', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10,"status":"completed","abortReason":null,"counts":{"matched":2,"accepted":2,"skipped":0,"failed":0,"remaining":0}}', NULL);
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
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'ship', 2, 1, '03b3d7a5-e9a0-73ef-8255-61309629ce0d', '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 4070952004000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'db4ad5b354eea23f', 0, 508, NULL, NULL, NULL, NULL, NULL, X'C40F52C396BCEABB878ADAC6890E2BA77ABA9DDBFE92987A407549572D1BC47ACB71D2A12040457E6C7EA30AB163261F5F75E1C5B2CCA4CD8A7D829BC0035720CADF10E3CA846C6D51A635E3BEAEC46C46AC5118C9984181F318076AA34798370D2ACB3CD5B9A3C8C064A9E94AD200416966E373265365D8EF0F07D25312C81A07A89C5A7C6F32BF1DCAC7581B50782808', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"parametersSchema":{"type":"object","properties":{"service":{"type":"string"}},"required":["service"]},"timeout":90,"labels":["team:shop"]}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'release', 1, 1, '03b3d7a5-ed88-71aa-a553-515f005b244f', '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 4070952005000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'db4ad5b354eea23f', 0, 426, NULL, '["gates"]', NULL, NULL, NULL, X'0FAF3DFBE2E39827AC85BDD86B4A2D0BA7563725344F5793B67D4FFFB0B3CA1AC407CC0F42185078F6BF9F98B7559E7278D925CCDA8FFD248E9BA7FA8EA9CDA5C45B8A45DD46B260FE69339C5514F47BDCC18F8FE6E2F5D85F7D430EADBD5CA6D38673F260B2D3E26E59719625975AC553D1033B0FFAF10C186A558934CC1C0C57F5A5F640DB24552757B412BBA9ACF758', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"timeout":90,"approval":{"required":1,"allowSelf":false}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'queue', 1, 1, '03b3d7a5-f170-77e5-b469-3af7f6d02c76', '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 4070952006000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'db4ad5b354eea23f', 0, 467, NULL, '["gates"]', NULL, NULL, NULL, X'52F2A6C5A7EB4869978771C03CD4D167FD7C4757F8ABAC1DEDF8CD898F35BEBFCAADD527CB50D0E71CE7888C4FB110C574C680464A75727C6EDF4B87C68CEEECC8EE3943191FA579AC949E890A396441C1FEC3EFB99C8554F071D3BF13055EBF6AD0437FC86027448E4F46BF630E8407A664F7F98BD1AEBE5B750E261CA51A57485F8DE5591DA7C4EED480D9DF4B776A31', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"deploys","key":"{{ parameters.service }}","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'freeze', 1, 1, '03b3d7a5-f558-77bf-af84-b685f2742dfe', '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 4070952007000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'db4ad5b354eea23f', 0, 433, NULL, '["gates"]', NULL, NULL, NULL, X'81B7F9F8A1AFC3A3C562416DF76ED40AF60E6BBAC5C489CD81BFAB86EF29AAB1723D825C53CAF32E0D80A737795D06E6A06190E5EA5FEF3CB744BFFF01F2218B9B49F514CF1EC46349BEBF0C699C415987DEF24D0BD1D7DE6F29CA99B449EA27526259D232FBECB1F24DA09A500C31C32BB36B10B5D72927AE21E71DF7560C3C69C6182C7826142236D2872F220E7BA65E', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"frozen","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'flaky', 1, 1, '03b3d7a5-f940-78cd-88a4-20e6b0796bc2', '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 4070952008000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'db4ad5b354eea23f', 0, 139, NULL, NULL, NULL, NULL, NULL, X'06FB158B036BA7F6E43D5BC0647334D8C148BF4E2A9C7074F9D4709D6556EB1C4888DF5F397EBDE198846CCE0E6358AC4104ECEBC701B8ACC4BE64095544403E2C995AC1AD47851400C2FC7AA3A853BCD6133675B3D5E8E7EFE221D41442EB', '{"trigger":{"type":"webhook","url":"https://down.example.com/hooks","method":"POST","startOn":"accepted","headers":{"Authorization":null}}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'webhook_endpoint', 'chat', 1, 1, '03b3d7a6-0110-7a8e-be49-9b0b8e84c4b7', '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 4070952010000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 'db4ad5b354eea23f', 0, 162, '{"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"actionNames":null,"labels":[],"showsPrevious":true}', NULL, NULL, NULL, NULL, X'27A38EA1B3B8BB0C4E75372B21D28F1AFB5CC7E2458B2431A691B022FAD9361E91EE0AA7419980A9023DA333AE2CADE1BB40EBA1D0A460899A09645A00F70C033BA1B68C728F4F567EE2BB26EBC5E59597EC23FC877FD298E59E6B26ACA964056A2BFAD04623DAF2226E068C9A143B247AA023B98090667A29D3F8674B8855FC5C016D17DDF1D11B605AABD3CCBCA7DDC70B600E82129D20BDA630238DABABB15DC95DF7E28ACDE4E296EFFB2FA0C0', '{"url":null,"headers":{},"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"signingSecret":null}');
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
INSERT INTO "definition_versions" (seq, scope, kind, name, version, changed_at, changed_by, changed_by_name, bytes, definition) VALUES (1, 'acme/of-a-release/prod', 'action', 'ship', 1, 4070952003000, '03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3', 'ops', 403, '{"description":"The first version","trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}}}');
CREATE INDEX definition_versions_by_age ON definition_versions (scope, kind, seq, bytes);
CREATE TABLE deleted_definitions (
  scope   TEXT    NOT NULL,
  kind    TEXT    NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (scope, kind)
) STRICT, WITHOUT ROWID;
