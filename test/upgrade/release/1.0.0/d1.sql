CREATE TABLE "d1_migrations" (
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		name       TEXT UNIQUE,
		applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
	);
INSERT INTO "d1_migrations" (id, name, applied_at) VALUES (1, '0001_tables.sql', '2026-11-29 13:32:14');
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
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-04f8-8003-8696-61a4b9a629c6', 3, 'succeeded', 'deploy', '0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11', 'root', NULL, NULL, NULL, NULL, 4073544012000, 429, '{"id":"03b3d7a6-04f8-8003-8696-61a4b9a629c6","actionName":"deploy","entityId":"0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11","status":"succeeded","parameters":{"version":"1.4.2","replicas":3},"recommendations":{"rollback":"1.4.1"},"triggeredBy":"root","createdAt":"2099-01-01T12:00:11.000Z","startedAt":"2099-01-01T12:00:12.000Z","completedAt":"2099-01-01T12:00:12.000Z","error":null,"output":{"url":"https://shop.example","n":[1,null]}}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["night","team:shop"],"traceparent":null,"externalUrl":"https://ci.example.com/1","heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-0cc8-8002-b573-6561438213b1', 2, 'failed', 'deploy', NULL, 'ada', NULL, NULL, NULL, NULL, 4073544013000, 331, '{"id":"03b3d7a6-0cc8-8002-b573-6561438213b1","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"ada","createdAt":"2099-01-01T12:00:13.000Z","startedAt":"2099-01-01T12:00:13.000Z","completedAt":"2099-01-01T12:00:13.000Z","error":"it''s \"broken\";\nsecond line","output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":"portal","waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-1880-8001-b8b0-6fc31da0fb75', 2, 'failed', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073544076000, 342, '{"id":"03b3d7a6-1880-8001-b8b0-6fc31da0fb75","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:16.000Z","startedAt":null,"completedAt":"2099-01-01T12:01:16.000Z","error":"[timeout] No result was reported by 2099-01-01T12:01:16.000Z.","output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-10b0-8002-be50-998c380a24f2', 2, 'cancelled', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073544015000, 286, '{"id":"03b3d7a6-10b0-8002-be50-998c380a24f2","actionName":"deploy","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:14.000Z","startedAt":null,"completedAt":"2099-01-01T12:00:15.000Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"wrong","requestedAt":"2099-01-01T12:00:15.000Z","until":"2099-01-01T12:00:15.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-fce0-8002-938f-5bfc49d997b5', 3, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, 4073547740000, 283, '{"id":"03b3d7a7-fce0-8002-938f-5bfc49d997b5","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:20.000Z","startedAt":"2099-01-01T12:02:21.000Z","completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:22.000Z","until":"2099-01-01T13:02:20.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0898-8001-83ff-33f61e76d568', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073549543000, 262, '{"id":"03b3d7a8-0898-8001-83ff-33f61e76d568","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:23.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1068-8000-a336-cf372f136d25', 2, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, 4073549545000, 296, '{"id":"03b3d7a8-1068-8000-a336-cf372f136d25","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:25.000Z","startedAt":"2099-01-01T12:02:26.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1c20-8002-a5d2-924cbcfd4ff3', 1, 'pending', 'release', NULL, 'ci', 'approval', NULL, '03b3d7a5-da00-7550-bbe4-14ff0b178bbe', '93b66ccb512ace4b', 4074154348000, 277, '{"id":"03b3d7a8-1c20-8002-a5d2-924cbcfd4ff3","actionName":"release","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:28.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"release","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"approval","since":"2099-01-01T12:02:28.000Z","until":"2099-01-08T12:02:28.000Z","notBefore":null,"group":null,"key":null,"reason":null},"approval":{"required":1,"approvals":[]}}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2008-8002-9ba9-1561fda73997', 1, 'pending', 'ship', NULL, 'ci', 'time', NULL, '03b3d7a5-da00-7550-bbe4-14ff0b178bbe', '93b66ccb512ace4b', 4074157948000, 274, '{"id":"03b3d7a8-2008-8002-9ba9-1561fda73997","actionName":"ship","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:29.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"time","since":"2099-01-01T12:02:29.000Z","until":"2099-01-08T13:02:28.000Z","notBefore":"2099-01-01T13:02:28.000Z","group":null,"key":null,"reason":null},"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3390-8002-ab64-4bf3f5031ab5', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3390-8002-ab64-4bf3f5031ab5","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:34.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f128-8003-b3aa-84b6a5d9ea4a', 1, 'pending', 'deploy', NULL, 'ops', NULL, NULL, NULL, NULL, 4073547737000, 261, '{"id":"03b3d7a7-f128-8003-b3aa-84b6a5d9ea4a","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"ops","createdAt":"2099-01-01T12:02:17.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":"03b3d7a6-0cc8-8002-b573-6561438213b1","bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f510-8003-bb5e-099aea56b8ae', 2, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, 4073580138000, 283, '{"id":"03b3d7a7-f510-8003-bb5e-099aea56b8ae","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:18.000Z","startedAt":"2099-01-01T12:02:19.000Z","completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0c80-8003-8619-80b82023266b', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073547744000, 262, '{"id":"03b3d7a8-0c80-8003-8619-80b82023266b","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:24.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1450-8003-a95e-d5892d2bcfda', 3, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, 4073549546000, 296, '{"id":"03b3d7a8-1450-8003-a95e-d5892d2bcfda","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:26.000Z","startedAt":"2099-01-01T12:02:27.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"stop","requestedAt":"2099-01-01T12:02:33.000Z","until":"2099-01-01T13:02:33.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1838-8003-981e-7552922e5c6a', 1, 'pending', 'flaky', NULL, 'ci', NULL, NULL, NULL, NULL, 4073547747000, 275, '{"id":"03b3d7a8-1838-8003-981e-7552922e5c6a","actionName":"flaky","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:27.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"flaky","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-23f0-8003-b40d-8fccb8a5c6b2', 2, 'running', 'queue', NULL, 'ci', NULL, 'deploys', NULL, NULL, 4073547750000, 297, '{"id":"03b3d7a8-23f0-8003-b40d-8fccb8a5c6b2","actionName":"queue","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:30.000Z","startedAt":"2099-01-01T12:02:31.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-27d8-8003-a18b-ac65e9e55b18', 1, 'pending', 'queue', NULL, 'ci', 'concurrency', 'deploys', '03b3d7a5-da00-7550-bbe4-14ff0b178bbe', '93b66ccb512ace4b', 4074152551000, 275, '{"id":"03b3d7a8-27d8-8003-a18b-ac65e9e55b18","actionName":"queue","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:31.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"concurrency","since":"2099-01-01T12:02:31.000Z","until":"2099-01-08T12:02:31.000Z","notBefore":null,"group":"deploys","key":"shop","reason":null},"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2bc0-8003-80ff-d63acbd9fb85', 1, 'pending', 'freeze', NULL, 'ci', 'pause', 'frozen', '03b3d7a5-da00-7550-bbe4-14ff0b178bbe', '93b66ccb512ace4b', 4074152552000, 276, '{"id":"03b3d7a8-2bc0-8003-80ff-d63acbd9fb85","actionName":"freeze","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:32.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"freeze","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"pause","since":"2099-01-01T12:02:32.000Z","until":"2099-01-08T12:02:32.000Z","notBefore":null,"group":"frozen","key":null,"reason":"a release freeze"},"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3778-8003-86af-a0f48b3ff0c2', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3778-8003-86af-a0f48b3ff0c2","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:35.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null}');
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
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3390-8002-ab64-4bf3f5031ab5');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3778-8003-86af-a0f48b3ff0c2');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'night', '03b3d7a6-04f8-8003-8696-61a4b9a629c6');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a6-04f8-8003-8696-61a4b9a629c6');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1068-8000-a336-cf372f136d25');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1450-8003-a95e-d5892d2bcfda');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-2008-8002-9ba9-1561fda73997');
CREATE TABLE coordinators (
  scope  TEXT    NOT NULL,
  n      INTEGER NOT NULL,
  due_at INTEGER NOT NULL, -- ms
  PRIMARY KEY (scope, n)
) STRICT, WITHOUT ROWID;
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 2, 4070952137000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 3, 4070952137000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 1, 4070952144628);
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
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-7550-bbe4-14ff0b178bbe', '0297c533eccae4f6b5c334411730ef7e458d2c1d77a2a247a6ec1cc9d4df1486', 'ci', 'member', 'prod', 'ops', 4070952000000, NULL, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'c8c60d930ac065d7c94f1975bd0196ea8fcbe51881b64578abf1658c2f7d71c7', 4071556802000, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-7a26-aa31-058d9410d8cd', '8769b1098384167001dda05e40f76a03903d0a957cc16ab2540190db38009fb8', 'ops', 'admin', NULL, 'root', 4070952000000, NULL, NULL, NULL, NULL, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-70e4-9adf-55b8dadfb0be', '4a7d5e963b582f960dc4542c43509a86815823f6c64c274f309611ecdc11cbf9', 'release-manager', 'member', NULL, 'root', 4070952001000, NULL, NULL, NULL, NULL, NULL, NULL, 1, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-742a-a2d3-67dc7b3e836d', '0d70af4b3be2ee545fdaf76cdd7739bedb94c8e3bdd2af8aa6ce4b9a3b34d52f', 'portal', 'member', NULL, 'root', 4070952001000, 4102358400000, NULL, NULL, NULL, 4070952000000, NULL, 0, 1);
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
INSERT INTO "sessions" (hash, page_key_hash, project, id, token_id, token_hash, began_at, expires_at, last_used_at) VALUES ('dea4624caa6c1ecd29eccc61c46e0cbc31f48b899baa93474b42ad8a6e754b73', 'd7fb83d1169d4d74f854e212aac5613f7cd5fad4c6a979f51924ae0e76f9c0f4', 'acme/of-a-release', '03b3d7a5-e1d0-7015-af5d-b21a0daa8077', '03b3d7a5-da00-7a26-aa31-058d9410d8cd', '8769b1098384167001dda05e40f76a03903d0a957cc16ab2540190db38009fb8', 4070952002000, 4070995202000, NULL);
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
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-7be3-a420-6eee07335ec7', NULL, 4070952000000, 'root', 'root', 'token_minted', '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-73fa-9aef-2dfa92c34ead', 'prod', 4070952000000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'token_minted', '03b3d7a5-da00-7550-bbe4-14ff0b178bbe', 'ci', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-799b-bea7-ef038f7fdc50', NULL, 4070952000000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'token_minted', '03b3d7a5-da00-7507-a1db-48ea60c2e4e4', 'left', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7d7b-a4ee-608430c13b2c', NULL, 4070952001000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'token_revoked', '03b3d7a5-da00-7507-a1db-48ea60c2e4e4', 'left', NULL, NULL, NULL, '["03b3d7a5-da00-7507-a1db-48ea60c2e4e4"]');
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-746d-9166-1e073dc4f820', NULL, 4070952001000, 'root', 'root', 'token_minted', '03b3d7a5-dde8-70e4-9adf-55b8dadfb0be', 'release-manager', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7c46-85f4-26e014ebc14d', NULL, 4070952001000, 'root', 'root', 'token_minted', '03b3d7a5-dde8-742a-a2d3-67dc7b3e836d', 'portal', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e1d0-7b8b-9033-91fae78cbe11', 'prod', 4070952002000, '03b3d7a5-da00-7550-bbe4-14ff0b178bbe', 'ci', 'token_rotated', '03b3d7a5-da00-7550-bbe4-14ff0b178bbe', 'ci', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e5b8-7451-a621-3c955130710b', 'prod', 4070952003000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e9a0-7901-b31c-78146880e164', 'prod', 4070952004000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-ed88-7c61-8969-fbd11c41eb9d', 'prod', 4070952005000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'action_put', 'release', 'release', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f170-7237-8c72-4da13f10635b', 'prod', 4070952006000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'action_put', 'queue', 'queue', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f558-7a62-b540-d31b7e9c3902', 'prod', 4070952007000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'action_put', 'freeze', 'freeze', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f940-7cb8-b510-3129bf19aaa6', 'prod', 4070952008000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'action_put', 'flaky', 'flaky', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-fd28-7655-8f73-5c66edd8800c', 'prod', 4070952009000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'pause_put', 'frozen', 'frozen', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a6-0110-7977-8b63-d6bdffe0d9ff', 'prod', 4070952010000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'webhook_endpoint_put', 'chat', 'chat', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a8-3778-73af-b030-403a365784d3', 'prod', 4070952155000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'bulk_started', '03b3d7a8-3778-73af-b030-403a365784d3', '03b3d7a8-3778-73af-b030-403a365784d3', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10}', NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a8-38a4-7ba5-8073-859c513d4ad3', 'prod', 4070952155300, 'service', 'service', 'bulk_ended', '03b3d7a8-3778-73af-b030-403a365784d3', '03b3d7a8-3778-73af-b030-403a365784d3', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10,"status":"completed","abortReason":null,"counts":{"matched":2,"accepted":2,"skipped":0,"failed":0,"remaining":0}}', NULL);
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
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'ship', 2, 1, '03b3d7a5-e9a0-7901-b31c-78146880e164', '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 4070952004000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'db4ad5b354eea23f', 0, 508, NULL, NULL, NULL, NULL, NULL, X'6B597821FEC4FCD633D963F3942A0AB81BCCA23EA20FE80166F32A032B9B2300D4492C4B5615C1F6A847838ABB7E25CD5E955AA220B014665067F94D1357CDD10DB09DE33D5C4BAD4BB90C0F4AF60572B0D970E32370FD5271C0B0D32709D4976041AA262A530982D46D0C28C2CD84319FF2C2171FABA3E91C59B179EBDAE329ED946EDA53678DF03CC294BEBA665FBBCF', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"parametersSchema":{"type":"object","properties":{"service":{"type":"string"}},"required":["service"]},"timeout":90,"labels":["team:shop"]}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'release', 1, 1, '03b3d7a5-ed88-7c61-8969-fbd11c41eb9d', '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 4070952005000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'db4ad5b354eea23f', 0, 426, NULL, '["gates"]', NULL, NULL, NULL, X'BA4A35FE21CC9393C8F29A8DD724042AF1A664FADD32894D8151ED64F6CF4590ED88225FCB4EDF8EE5B20616D2E7835BEF0ACFB59ABE5B4846FD9D8C14DAF5B06359D1248FE40417FDBDEE55DDDB276548E74F77CB7910298793BAFC6CA7146BC9EC525D03C9E5B0E9A863199E2C1E78C77B809A51B90EF1D3A8A1419A40803247E5CD614FC4BE347185222DCC6ED661ED', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"timeout":90,"approval":{"required":1,"allowSelf":false}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'queue', 1, 1, '03b3d7a5-f170-7237-8c72-4da13f10635b', '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 4070952006000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'db4ad5b354eea23f', 0, 467, NULL, '["gates"]', NULL, NULL, NULL, X'7C3716612AEC62EA3B7B6F25CCD91AE16DF1F801BD7FB36DF9B64DA13A14873EA3F764BB01BE7F84D0EF0E6D6FCF898A0F400FEFCE241600712EC503103EB587655BBDA63FF677C46F9812115DBFC8209D335717E11BD40BA7ED34E0AE2F9A99C367DC120A6F41FA13B2FEABD6D003760B4A7B02D1836C836D2BE24F7CC8BF796DF4C16F95B13CC9DCE365DD885CC4A4A7', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"deploys","key":"{{ parameters.service }}","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'freeze', 1, 1, '03b3d7a5-f558-7a62-b540-d31b7e9c3902', '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 4070952007000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'db4ad5b354eea23f', 0, 433, NULL, '["gates"]', NULL, NULL, NULL, X'C50CA3FE1790F54310C585D314F5F6867B2ABC9ABEB0D9745E1BD4A5BB74378A63A65A1E957F9B519AE8A73D51F2F6E6B95A31158415DD4BF1C7A07513F16DBB310AE9F1E4DD2CB78DCEC684BCF6A5BE7641B24EAF8544B5B6F07665C43CB2E374A3C16D010C2793D9A82E3B8922297C98A3F527FFBF73C87C9305C651CFE982D853D5C3460D190658B25099D18BD5027B', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"frozen","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'flaky', 1, 1, '03b3d7a5-f940-7cb8-b510-3129bf19aaa6', '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 4070952008000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'db4ad5b354eea23f', 0, 139, NULL, NULL, NULL, NULL, NULL, X'44BAAE5071478A160CFEB76DE20AC0E936A8F6CC13A985920B41CA58E7E23CC92E21DA9C4C4DE31138C2FFCCF4AC71DB1FEA1815CABDC8193F3F4B583369328F7D1ACDF14A20EFFDF5F39B67B6B171980EC5CEECA2A6DC6E6A6AB8C2E78AE0', '{"trigger":{"type":"webhook","url":"https://down.example.com/hooks","method":"POST","startOn":"accepted","headers":{"Authorization":null}}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'webhook_endpoint', 'chat', 1, 1, '03b3d7a6-0110-7977-8b63-d6bdffe0d9ff', '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 4070952010000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 'db4ad5b354eea23f', 0, 162, '{"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"actionNames":null,"labels":[],"showsPrevious":true}', NULL, NULL, NULL, NULL, X'8DF0C1A89C937A4B590992729FD15B1815FC1068C00EA68B96277C98AB7571FFEAEF1F6CE653E64B2CDE3B2A0727F2425435221BAFBD45F4879EB7F3B8AE2394C59F3E731482B067B4FE854483A613D20EBED48DE417FC447E38526E48963605317BFA7277E676C2EA8418CFA3ED71E97DBBC27F825A0D3EDF813CDE349EFF6117DD33F4718C739ADC30F151722149869D336887C1DF7944F8B73399A71138DE0AA6341BCFDD5AF59C924870D8A589', '{"url":null,"headers":{},"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"signingSecret":null}');
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
INSERT INTO "definition_versions" (seq, scope, kind, name, version, changed_at, changed_by, changed_by_name, bytes, definition) VALUES (1, 'acme/of-a-release/prod', 'action', 'ship', 1, 4070952003000, '03b3d7a5-da00-7a26-aa31-058d9410d8cd', 'ops', 403, '{"description":"The first version","trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}}}');
CREATE INDEX definition_versions_by_age ON definition_versions (scope, kind, seq, bytes);
CREATE TABLE deleted_definitions (
  scope   TEXT    NOT NULL,
  kind    TEXT    NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (scope, kind)
) STRICT, WITHOUT ROWID;
