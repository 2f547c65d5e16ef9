CREATE TABLE "d1_migrations" (
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		name       TEXT UNIQUE,
		applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
	);
INSERT INTO "d1_migrations" (id, name, applied_at) VALUES (1, '0001_tables.sql', '2026-11-29 12:58:56');
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
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-04f8-8002-bcda-492a07715244', 3, 'succeeded', 'deploy', '0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11', 'root', NULL, NULL, NULL, NULL, 4073544012000, 429, '{"id":"03b3d7a6-04f8-8002-bcda-492a07715244","actionName":"deploy","entityId":"0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11","status":"succeeded","parameters":{"version":"1.4.2","replicas":3},"recommendations":{"rollback":"1.4.1"},"triggeredBy":"root","createdAt":"2099-01-01T12:00:11.000Z","startedAt":"2099-01-01T12:00:12.000Z","completedAt":"2099-01-01T12:00:12.000Z","error":null,"output":{"url":"https://shop.example","n":[1,null]}}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["night","team:shop"],"traceparent":null,"externalUrl":"https://ci.example.com/1","heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-0cc8-8001-b708-026086fd9ef6', 2, 'failed', 'deploy', NULL, 'ada', NULL, NULL, NULL, NULL, 4073544013000, 331, '{"id":"03b3d7a6-0cc8-8001-b708-026086fd9ef6","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"ada","createdAt":"2099-01-01T12:00:13.000Z","startedAt":"2099-01-01T12:00:13.000Z","completedAt":"2099-01-01T12:00:13.000Z","error":"it''s \"broken\";\nsecond line","output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":"portal","waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-10b0-8003-9ff7-94b9ddbe4978', 2, 'cancelled', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073544015000, 286, '{"id":"03b3d7a6-10b0-8003-9ff7-94b9ddbe4978","actionName":"deploy","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:14.000Z","startedAt":null,"completedAt":"2099-01-01T12:00:15.000Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"wrong","requestedAt":"2099-01-01T12:00:15.000Z","until":"2099-01-01T12:00:15.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-1880-8000-bd33-549904ce11a8', 2, 'failed', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073544076000, 342, '{"id":"03b3d7a6-1880-8000-bd33-549904ce11a8","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:16.000Z","startedAt":null,"completedAt":"2099-01-01T12:01:16.000Z","error":"[timeout] No result was reported by 2099-01-01T12:01:16.000Z.","output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f128-8003-89f0-75e791db7204', 1, 'pending', 'deploy', NULL, 'ops', NULL, NULL, NULL, NULL, 4073547737000, 261, '{"id":"03b3d7a7-f128-8003-89f0-75e791db7204","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"ops","createdAt":"2099-01-01T12:02:17.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":"03b3d7a6-0cc8-8001-b708-026086fd9ef6","bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f510-8003-a8c5-345bafd4fce9', 2, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, 4073580138000, 283, '{"id":"03b3d7a7-f510-8003-a8c5-345bafd4fce9","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:18.000Z","startedAt":"2099-01-01T12:02:19.000Z","completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-fce0-8001-ac30-90cfac81be45', 3, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, 4073547740000, 283, '{"id":"03b3d7a7-fce0-8001-ac30-90cfac81be45","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:20.000Z","startedAt":"2099-01-01T12:02:21.000Z","completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:22.000Z","until":"2099-01-01T13:02:20.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0898-8003-981b-5a0247c33bac', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073549543000, 262, '{"id":"03b3d7a8-0898-8003-981b-5a0247c33bac","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:23.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0c80-8003-9a65-c685d7188bb8', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, 4073547744000, 262, '{"id":"03b3d7a8-0c80-8003-9a65-c685d7188bb8","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:24.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2008-8002-9eab-794043d703b9', 1, 'pending', 'ship', NULL, 'ci', 'time', NULL, '03b3d7a5-da00-77da-9ebd-ad2c54ed72b7', '93b66ccb512ace4b', 4074157948000, 274, '{"id":"03b3d7a8-2008-8002-9eab-794043d703b9","actionName":"ship","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:29.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"time","since":"2099-01-01T12:02:29.000Z","until":"2099-01-08T13:02:28.000Z","notBefore":"2099-01-01T13:02:28.000Z","group":null,"key":null,"reason":null},"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-23f0-8003-bed7-c62f21ba69ae', 2, 'running', 'queue', NULL, 'ci', NULL, 'deploys', NULL, NULL, 4073547750000, 297, '{"id":"03b3d7a8-23f0-8003-bed7-c62f21ba69ae","actionName":"queue","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:30.000Z","startedAt":"2099-01-01T12:02:31.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-27d8-8003-9ad0-9eb267dcf7a3', 1, 'pending', 'queue', NULL, 'ci', 'concurrency', 'deploys', '03b3d7a5-da00-77da-9ebd-ad2c54ed72b7', '93b66ccb512ace4b', 4074152551000, 275, '{"id":"03b3d7a8-27d8-8003-9ad0-9eb267dcf7a3","actionName":"queue","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:31.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"concurrency","since":"2099-01-01T12:02:31.000Z","until":"2099-01-08T12:02:31.000Z","notBefore":null,"group":"deploys","key":"shop","reason":null},"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3778-8000-b23c-4848b0941a43', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3778-8000-b23c-4848b0941a43","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:35.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1068-8001-8c61-964c3d0927ac', 2, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, 4073549545000, 296, '{"id":"03b3d7a8-1068-8001-8c61-964c3d0927ac","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:25.000Z","startedAt":"2099-01-01T12:02:26.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1450-8001-9ed0-6ed33db40357', 3, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, 4073549546000, 296, '{"id":"03b3d7a8-1450-8001-9ed0-6ed33db40357","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:26.000Z","startedAt":"2099-01-01T12:02:27.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":2},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"stop","requestedAt":"2099-01-01T12:02:33.000Z","until":"2099-01-01T13:02:33.000Z"},"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1838-8001-9454-39ac1e4b8bfa', 1, 'pending', 'flaky', NULL, 'ci', NULL, NULL, NULL, NULL, 4073547747000, 275, '{"id":"03b3d7a8-1838-8001-9454-39ac1e4b8bfa","actionName":"flaky","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:27.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"flaky","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1c20-8001-8a87-3ae264d0a557', 1, 'pending', 'release', NULL, 'ci', 'approval', NULL, '03b3d7a5-da00-77da-9ebd-ad2c54ed72b7', '93b66ccb512ace4b', 4074154348000, 277, '{"id":"03b3d7a8-1c20-8001-8a87-3ae264d0a557","actionName":"release","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:28.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"release","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"approval","since":"2099-01-01T12:02:28.000Z","until":"2099-01-08T12:02:28.000Z","notBefore":null,"group":null,"key":null,"reason":null},"approval":{"required":1,"approvals":[]}}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2bc0-8003-a3f4-694697c9bb53', 1, 'pending', 'freeze', NULL, 'ci', 'pause', 'frozen', '03b3d7a5-da00-77da-9ebd-ad2c54ed72b7', '93b66ccb512ace4b', 4074152552000, 276, '{"id":"03b3d7a8-2bc0-8003-a3f4-694697c9bb53","actionName":"freeze","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:32.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"freeze","version":1},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"pause","since":"2099-01-01T12:02:32.000Z","until":"2099-01-08T12:02:32.000Z","notBefore":null,"group":"frozen","key":null,"reason":"a release freeze"},"approval":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_creator, waiting_key_id, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3390-8003-9541-0236e92e6462', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3390-8003-9541-0236e92e6462","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:34.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null}');
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
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3390-8003-9541-0236e92e6462');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3778-8000-b23c-4848b0941a43');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'night', '03b3d7a6-04f8-8002-bcda-492a07715244');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a6-04f8-8002-bcda-492a07715244');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1068-8001-8c61-964c3d0927ac');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1450-8001-9ed0-6ed33db40357');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-2008-8002-9eab-794043d703b9');
CREATE TABLE coordinators (
  scope  TEXT    NOT NULL,
  n      INTEGER NOT NULL,
  due_at INTEGER NOT NULL, -- ms
  PRIMARY KEY (scope, n)
) STRICT, WITHOUT ROWID;
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 1, 4070952137000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 2, 4070952137000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 3, 4070952137000);
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
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-77da-9ebd-ad2c54ed72b7', '4c3b4fd5c7a73d5ffcde21310c1eac409cf0d780ecaea9415c0db3ec3c13b9ea', 'ci', 'member', 'prod', 'ops', 4070952000000, NULL, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'e9d0bcd08d940a1f33fd39c42d1b628fa9939d113517226a7a7713738f733074', 4071556802000, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-7edb-9396-f29e9de556a8', '01fbbd05ddce83c062d5a82a50ca9fda11a97b9142fd591b3581a41a1f668bfc', 'ops', 'admin', NULL, 'root', 4070952000000, NULL, NULL, NULL, NULL, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-749d-a374-5e0c9a36daba', 'f7237d1fa82d5ccaf7db1cb70f17bac70b87cad42ce51d4798f020093de9fe5a', 'release-manager', 'member', NULL, 'root', 4070952001000, NULL, NULL, NULL, NULL, NULL, NULL, 1, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7b49-b30e-bb6b04bc946b', '1b9fc94d5e88cc3efde854b5f1384d42246c0dadd0ec40425504a0f64697f5c9', 'portal', 'member', NULL, 'root', 4070952001000, 4102358400000, NULL, NULL, NULL, 4070952000000, NULL, 0, 1);
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
INSERT INTO "sessions" (hash, page_key_hash, project, id, token_id, token_hash, began_at, expires_at, last_used_at) VALUES ('200270d11d9157df705cfc92575277cf8cec4346198370b7678f7134595ac8cb', 'b400502dac63433636bbeb7177421dc26c0b675954015bb8945c7363ec0de173', 'acme/of-a-release', '03b3d7a5-e1d0-751b-8616-439fa603a990', '03b3d7a5-da00-7edb-9396-f29e9de556a8', '01fbbd05ddce83c062d5a82a50ca9fda11a97b9142fd591b3581a41a1f668bfc', 4070952002000, 4070995202000, NULL);
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
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-79c9-b23e-7820a618741c', NULL, 4070952000000, 'root', 'root', 'token_minted', '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-7f37-83e9-0fd674fec129', 'prod', 4070952000000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'token_minted', '03b3d7a5-da00-77da-9ebd-ad2c54ed72b7', 'ci', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-da00-7830-8137-d35c1e5b15a3', NULL, 4070952000000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'token_minted', '03b3d7a5-da00-7aa5-be45-7c5d10056beb', 'left', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7f70-a2e2-5cff36f2f602', NULL, 4070952001000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'token_revoked', '03b3d7a5-da00-7aa5-be45-7c5d10056beb', 'left', NULL, NULL, NULL, '["03b3d7a5-da00-7aa5-be45-7c5d10056beb"]');
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-72e3-8f91-be908b271777', NULL, 4070952001000, 'root', 'root', 'token_minted', '03b3d7a5-dde8-749d-a374-5e0c9a36daba', 'release-manager', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7095-bdbe-2e03c5b252b8', NULL, 4070952001000, 'root', 'root', 'token_minted', '03b3d7a5-dde8-7b49-b30e-bb6b04bc946b', 'portal', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e1d0-7b04-9b8c-985c9ef91c55', 'prod', 4070952002000, '03b3d7a5-da00-77da-9ebd-ad2c54ed72b7', 'ci', 'token_rotated', '03b3d7a5-da00-77da-9ebd-ad2c54ed72b7', 'ci', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e5b8-7fc9-ac07-edca1c157ee3', 'prod', 4070952003000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-e9a0-7fd7-898f-a8919a9c7a49', 'prod', 4070952004000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-ed88-7cb4-bda4-47cf7df7e950', 'prod', 4070952005000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'action_put', 'release', 'release', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f170-740c-b6e3-72feb74033d1', 'prod', 4070952006000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'action_put', 'queue', 'queue', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f558-7a11-8618-e09afe443944', 'prod', 4070952007000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'action_put', 'freeze', 'freeze', NULL, 'added', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-f940-77ad-bdc2-2d4430b876a7', 'prod', 4070952008000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'action_put', 'flaky', 'flaky', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a5-fd28-7e9f-86dc-4fa5e36de3b5', 'prod', 4070952009000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'pause_put', 'frozen', 'frozen', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a6-0110-7d15-af29-f8b4b4521198', 'prod', 4070952010000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'webhook_endpoint_put', 'chat', 'chat', NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a8-3778-7821-bdb8-aa0738598acf', 'prod', 4070952155000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'bulk_started', '03b3d7a8-3778-7821-bdb8-aa0738598acf', '03b3d7a8-3778-7821-bdb8-aa0738598acf', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10}', NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, gates, bulk, revoked) VALUES ('acme/of-a-release', '03b3d7a8-38a4-7ad5-8b47-fc55b99442f0', 'prod', 4070952155300, 'service', 'service', 'bulk_ended', '03b3d7a8-3778-7821-bdb8-aa0738598acf', '03b3d7a8-3778-7821-bdb8-aa0738598acf', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10,"status":"completed","abortReason":null,"counts":{"matched":2,"accepted":2,"skipped":0,"failed":0,"remaining":0}}', NULL);
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
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'ship', 2, 1, '03b3d7a5-e9a0-7fd7-898f-a8919a9c7a49', '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 4070952004000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'db4ad5b354eea23f', 0, 510, NULL, NULL, NULL, NULL, NULL, X'2B0BFB00C245625BCF56FB2868BB208DC024C69DF2FC2FB596DDB23B87944344B7FC3F73B3DBE0BDF804AC36336E308667F29363E153679EF9E9758D12319D4EBE8AB10E179F7301CAEC4773E9E2E39A59AFCE6D9622557761EFA4F717765588F22EB605F49DAFB659FE6224041337CF27FD4D861DFFDF8452376AC3745755067E28A862929F4A00B08717537180CE5A1E', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://down.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"parametersSchema":{"type":"object","properties":{"service":{"type":"string"}},"required":["service"]},"timeout":90,"labels":["team:shop"]}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'release', 1, 1, '03b3d7a5-ed88-7cb4-bda4-47cf7df7e950', '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 4070952005000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'db4ad5b354eea23f', 0, 428, NULL, '["gates"]', NULL, NULL, NULL, X'596003E2943EB45E00AF315CDC7C9D38C94E718D206041B9FB12770A1E3F65E27008DAB5D39861199C3678AF21E1AF80DBCEA8C20995449640C8D52A57A177EB19FB73C3667B7DE93EC7744432737E72210AC83197D87342D99FA76905CC8C5CD7B78931831CC4E5D3C197FACE9A92173A0310AC466C0C82F554C4C61E93F5E1442BC030A1BB19D6A4E5425172F1B32C28', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://down.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"timeout":90,"approval":{"required":1,"allowSelf":false}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'queue', 1, 1, '03b3d7a5-f170-740c-b6e3-72feb74033d1', '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 4070952006000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'db4ad5b354eea23f', 0, 469, NULL, '["gates"]', NULL, NULL, NULL, X'43C4D548B9DC1EC7C00F2C9CBB12E83B2B849D86A987CC0430505F6A6EEFD8AD3A22094F58AA84C5B41A3364A99C863C8F2F18BD5F156FB7B29C9AC50064E216B234D105677F5F648C51792AB6B8931357B40155CA8C49AAE161CDA769082FB13654E1349B82DF0CDADFC2F2F29E241C79961ABDC7450CF9591DEE7E1DDA897E2CC5BF85DB61ACF06019CA14F133429076', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://down.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"deploys","key":"{{ parameters.service }}","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'freeze', 1, 1, '03b3d7a5-f558-7a11-8618-e09afe443944', '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 4070952007000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'db4ad5b354eea23f', 0, 435, NULL, '["gates"]', NULL, NULL, NULL, X'62769B332E02E3FBE18CEC9B7FDD6AA5579534E76BFEBD4A55EA55B8B9CBB9D5EC9FBED4BB4E229C3D1563D7DAD0BC0FE0F23FC423CF4C33AF3EDA9ED3982036C65395692D3DD093E05610E636A1C1E5E2DA5D4DFD76A277CD7A07B43268158B2EE7550736EDEE853B0C5785331E3E9B5D928DCE58E1874EAB7AB3BB3B5F6C9BD78C106FC6443B30E7D078DDC31CAAF3A5', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://down.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"frozen","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'flaky', 1, 1, '03b3d7a5-f940-77ad-bdc2-2d4430b876a7', '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 4070952008000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'db4ad5b354eea23f', 0, 139, NULL, NULL, NULL, NULL, NULL, X'AB8A1DA3B8EDBBB502F0259C4324D22E9EB2542D32787A6BF0473E06C26CE941BAB53621906C19A419F5E48B4FF10587167D739946BF740D3C88D3D90B3573F233D3218AB54C474D917BA708374BF10604E02517F3EEB8BA91850313879D4E', '{"trigger":{"type":"webhook","url":"https://down.example.com/hooks","method":"POST","startOn":"accepted","headers":{"Authorization":null}}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'webhook_endpoint', 'chat', 1, 1, '03b3d7a6-0110-7d15-af29-f8b4b4521198', '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 4070952010000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 'db4ad5b354eea23f', 0, 162, '{"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"actionNames":null,"labels":[],"showsPrevious":true}', NULL, NULL, NULL, NULL, X'CFBFD2C66513C2F9EC202BA1002135F109B211F5DCFBD3521B397F2BDA92FAB501C664E72AD2D802CFBB331522DBB41F09B80DE363173A9E235B085CCEB73AEB26A1965F46F8D184BBFD16F1E4E27B6F3440A7590D7E86555E0D941CA69CCDE1ED86E194427A9D2EA4A2529ED1FBB366A75F0F28DBBBFCABA96BEC2C9047DF6C291A7707C3F0E11023D9418129ACFB44F1E77172F480041EB6E219776F81632896AB13A5EF8A87C2BEFD95E856F10E', '{"url":null,"headers":{},"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"signingSecret":null}');
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
INSERT INTO "definition_versions" (seq, scope, kind, name, version, changed_at, changed_by, changed_by_name, bytes, definition) VALUES (1, 'acme/of-a-release/prod', 'action', 'ship', 1, 4070952003000, '03b3d7a5-da00-7edb-9396-f29e9de556a8', 'ops', 405, '{"description":"The first version","trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://down.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}}}');
CREATE INDEX definition_versions_by_age ON definition_versions (scope, kind, seq, bytes);
CREATE TABLE deleted_definitions (
  scope   TEXT    NOT NULL,
  kind    TEXT    NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (scope, kind)
) STRICT, WITHOUT ROWID;
