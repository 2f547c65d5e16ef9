CREATE TABLE "d1_migrations" (
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		name       TEXT UNIQUE,
		applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
	);
INSERT INTO "d1_migrations" (id, name, applied_at) VALUES (1, '0001_tables.sql', '2026-11-30 19:57:36');
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
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-04f8-8003-a0b0-adf71479a98f', 3, 'succeeded', 'deploy', '0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11', 'root', NULL, NULL, NULL, NULL, NULL, 4073544012000, 429, '{"id":"03b3d7a6-04f8-8003-a0b0-adf71479a98f","actionName":"deploy","entityId":"0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11","status":"succeeded","parameters":{"version":"1.4.2","replicas":3},"recommendations":{"rollback":"1.4.1"},"triggeredBy":"root","createdAt":"2099-01-01T12:00:11.000Z","startedAt":"2099-01-01T12:00:12.000Z","completedAt":"2099-01-01T12:00:12.000Z","error":null,"output":{"url":"https://shop.example","n":[1,null]}}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["night","team:shop"],"traceparent":null,"externalUrl":"https://ci.example.com/1","heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-0cc8-8000-8db2-7ccdcb19c8e0', 2, 'failed', 'deploy', NULL, 'ada', NULL, NULL, NULL, NULL, NULL, 4073544013000, 331, '{"id":"03b3d7a6-0cc8-8000-8db2-7ccdcb19c8e0","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"ada","createdAt":"2099-01-01T12:00:13.000Z","startedAt":"2099-01-01T12:00:13.000Z","completedAt":"2099-01-01T12:00:13.000Z","error":"it''s \"broken\";\nsecond line","output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":"portal","waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-10b0-8003-a0f9-d94001725ba9', 2, 'cancelled', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073544015000, 286, '{"id":"03b3d7a6-10b0-8003-a0f9-d94001725ba9","actionName":"deploy","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:14.000Z","startedAt":null,"completedAt":"2099-01-01T12:00:15.000Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"wrong","requestedAt":"2099-01-01T12:00:15.000Z","until":"2099-01-01T12:00:15.000Z"},"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-1880-8003-a52f-19e55d720361', 2, 'failed', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073544076000, 342, '{"id":"03b3d7a6-1880-8003-a52f-19e55d720361","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:16.000Z","startedAt":null,"completedAt":"2099-01-01T12:01:16.000Z","error":"[timeout] No result was reported by 2099-01-01T12:01:16.000Z.","output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f510-8002-aee3-dfd7f23f07d4', 2, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073580138000, 283, '{"id":"03b3d7a7-f510-8002-aee3-dfd7f23f07d4","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:18.000Z","startedAt":"2099-01-01T12:02:19.000Z","completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-fce0-8000-bc2b-44b769f6940d', 3, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073547740000, 283, '{"id":"03b3d7a7-fce0-8000-bc2b-44b769f6940d","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:20.000Z","startedAt":"2099-01-01T12:02:21.000Z","completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:22.000Z","until":"2099-01-01T13:02:20.000Z"},"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0898-8001-82b8-0dd1cf1aa0ba', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073549543000, 262, '{"id":"03b3d7a8-0898-8001-82b8-0dd1cf1aa0ba","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:23.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1068-8001-be5e-f9acfc076d69', 2, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, NULL, 4073549545000, 296, '{"id":"03b3d7a8-1068-8001-be5e-f9acfc076d69","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:25.000Z","startedAt":"2099-01-01T12:02:26.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":4070952004000},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1450-8002-a362-29dedaf3a5aa', 3, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, NULL, 4073549546000, 296, '{"id":"03b3d7a8-1450-8002-a362-29dedaf3a5aa","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:26.000Z","startedAt":"2099-01-01T12:02:27.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":4070952004000},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"stop","requestedAt":"2099-01-01T12:02:33.000Z","until":"2099-01-01T13:02:33.000Z"},"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2008-8000-92f8-ee313cc46293', 1, 'pending', 'ship', NULL, 'ci', 'time', NULL, '/03b3d7a5-da00-714e-bf07-83a5260e8437/03b3d7a5-da00-7917-af34-6f1b7e8c268e/', '93b66ccb512ace4b', NULL, 4074157948000, 274, '{"id":"03b3d7a8-2008-8000-92f8-ee313cc46293","actionName":"ship","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:29.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":4070952004000},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"time","since":"2099-01-01T12:02:29.000Z","until":"2099-01-08T13:02:28.000Z","notBefore":"2099-01-01T13:02:28.000Z","group":null,"key":null,"reason":null},"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1838-8002-b3a9-ad31fe7c43e5', 2, 'pending', 'flaky', NULL, 'ci', NULL, NULL, NULL, NULL, NULL, 4073547747000, 275, '{"id":"03b3d7a8-1838-8002-b3a9-ad31fe7c43e5","actionName":"flaky","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:27.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"flaky","version":4070952008000},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null,"delivery":{"attempts":1,"reason":"down.example.com answered 503.","nextAttemptAt":"2099-01-01T12:02:28.616Z"}}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1c20-8002-b8a1-6685797b8beb', 1, 'pending', 'release', NULL, 'ci', 'approval', NULL, '/03b3d7a5-da00-714e-bf07-83a5260e8437/03b3d7a5-da00-7917-af34-6f1b7e8c268e/', '93b66ccb512ace4b', NULL, 4074154348000, 277, '{"id":"03b3d7a8-1c20-8002-b8a1-6685797b8beb","actionName":"release","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:28.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"release","version":4070952005000},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"approval","since":"2099-01-01T12:02:28.000Z","until":"2099-01-08T12:02:28.000Z","notBefore":null,"group":null,"key":null,"reason":null},"approval":{"required":1,"approvals":[]},"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3390-8002-9c1c-6b6695d88865', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3390-8002-9c1c-6b6695d88865","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:34.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f128-8003-b5d4-6b16fdb34117', 1, 'pending', 'deploy', NULL, 'ops', NULL, NULL, NULL, NULL, NULL, 4073547737000, 261, '{"id":"03b3d7a7-f128-8003-b5d4-6b16fdb34117","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"ops","createdAt":"2099-01-01T12:02:17.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":"03b3d7a6-0cc8-8000-8db2-7ccdcb19c8e0","bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0c80-8003-bb5e-5f9e5f90bd7e', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073547744000, 262, '{"id":"03b3d7a8-0c80-8003-bb5e-5f9e5f90bd7e","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:24.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-23f0-8003-9050-ab8489645e72', 2, 'running', 'queue', NULL, 'ci', NULL, 'deploys', NULL, NULL, NULL, 4073547750000, 297, '{"id":"03b3d7a8-23f0-8003-9050-ab8489645e72","actionName":"queue","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:30.000Z","startedAt":"2099-01-01T12:02:31.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":4070952006000},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-27d8-8003-82f7-90ac05fb0024', 1, 'pending', 'queue', NULL, 'ci', 'concurrency', 'deploys', '/03b3d7a5-da00-714e-bf07-83a5260e8437/03b3d7a5-da00-7917-af34-6f1b7e8c268e/', '93b66ccb512ace4b', NULL, 4074152551000, 275, '{"id":"03b3d7a8-27d8-8003-82f7-90ac05fb0024","actionName":"queue","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:31.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":4070952006000},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"concurrency","since":"2099-01-01T12:02:31.000Z","until":"2099-01-08T12:02:31.000Z","notBefore":null,"group":"deploys","key":"shop","reason":null},"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2bc0-8003-9085-23f90ad05657', 1, 'pending', 'freeze', NULL, 'ci', 'pause', 'frozen', '/03b3d7a5-da00-714e-bf07-83a5260e8437/03b3d7a5-da00-7917-af34-6f1b7e8c268e/', '93b66ccb512ace4b', NULL, 4074152552000, 276, '{"id":"03b3d7a8-2bc0-8003-9085-23f90ad05657","actionName":"freeze","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:32.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"freeze","version":4070952007000},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"pause","since":"2099-01-01T12:02:32.000Z","until":"2099-01-08T12:02:32.000Z","notBefore":null,"group":"frozen","key":null,"reason":"a release freeze"},"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3778-8003-a312-5b021c3eb02d', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3778-8003-a312-5b021c3eb02d","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:35.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null,"delivery":null}');
CREATE INDEX runs_by_status ON runs (scope, status, id);
CREATE INDEX runs_by_action ON runs (scope, action_name, id);
CREATE INDEX runs_by_entity ON runs (scope, entity_id, id) WHERE entity_id IS NOT NULL;
CREATE INDEX runs_by_trigger ON runs (scope, triggered_by, id);
CREATE INDEX runs_by_group ON runs (scope, concurrency_group, id) WHERE concurrency_group IS NOT NULL;
CREATE INDEX runs_by_waiting ON runs (scope, waiting, id) WHERE waiting IS NOT NULL AND status = 'pending';
CREATE INDEX waiting_runs_by_lineage ON runs (waiting_lineage, scope)
  WHERE waiting_lineage IS NOT NULL AND status = 'pending';
CREATE INDEX approved_runs ON runs (scope, id) WHERE waiting_approvers IS NOT NULL AND status = 'pending';
CREATE INDEX waiting_runs_by_key ON runs (waiting_key_id) WHERE waiting_key_id IS NOT NULL AND status = 'pending';
CREATE TABLE run_labels (
  scope TEXT NOT NULL, -- {org}/{project}/{env}
  label TEXT NOT NULL,
  id    TEXT NOT NULL, -- the run's
  PRIMARY KEY (scope, label, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3390-8002-9c1c-6b6695d88865');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3778-8003-a312-5b021c3eb02d');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'night', '03b3d7a6-04f8-8003-a0b0-adf71479a98f');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a6-04f8-8003-a0b0-adf71479a98f');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1068-8001-be5e-f9acfc076d69');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1450-8002-a362-29dedaf3a5aa');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-2008-8000-92f8-ee313cc46293');
CREATE TABLE coordinators (
  scope  TEXT    NOT NULL,
  n      INTEGER NOT NULL,
  due_at INTEGER NOT NULL, -- ms
  PRIMARY KEY (scope, n)
) STRICT, WITHOUT ROWID;
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 0, 4070952155000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 2, 4070952155000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 3, 4070952155000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 1, 4070952173000);
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
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-714e-bf07-83a5260e8437', '254de550eaca8d528f9cdb1061e1a5ab38dce1836b9b2dd46f6deee6974a2d0e', 'ops', 'admin', NULL, 'root', 4070952000000, NULL, NULL, NULL, NULL, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-7917-af34-6f1b7e8c268e', 'f69aebc19335f6891cb416a0a0d663837765c5a62a7c2b70a0f52b44a8d32073', 'ci', 'member', 'prod', 'ops', 4070952000000, NULL, '03b3d7a5-da00-714e-bf07-83a5260e8437', '5104b8bc4ec62a280183d2c3171d6bc6b737d769aef8d0cd6b5b25c592f0e111', 4071556802000, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7d99-9299-cd43f3554a44', '0c0363d6df6dd30b8c610163c8d316a692e77d8709cfcda0dfacd4e721dc4cc5', 'release-manager', 'member', NULL, 'root', 4070952001000, NULL, NULL, NULL, NULL, NULL, NULL, 1, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7fb7-a487-97e82db27152', '75a9c167a306f222792ee8fbbe132a8d891b4d8e38323aeacef09f209dacf2da', 'portal', 'member', NULL, 'root', 4070952001000, 4102358400000, NULL, NULL, NULL, 4070952000000, NULL, 0, 1);
CREATE INDEX tokens_by_parent ON tokens (project, parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE revoked_tokens (
  project TEXT    NOT NULL, -- {org}/{project}
  id      TEXT    NOT NULL,
  at      INTEGER NOT NULL, -- ms
  PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "revoked_tokens" (project, id, at) VALUES ('acme/of-a-release', '03b3d7a5-da00-726b-a2a2-fec2e4796f93', 4070952001000);
CREATE INDEX revoked_tokens_by_time ON revoked_tokens (at);
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
INSERT INTO "sessions" (hash, page_key_hash, project, id, token_id, token_hash, began_at, expires_at, last_used_at) VALUES ('b659cbcc9de6221a4f130ddc3198a5241372cc2cc17228bc8711d5e83c13c61a', 'fe455f8f77fd4cd066c9407b25ed5148280e6c2909992689fa5b10a72caa6e5a', 'acme/of-a-release', '03b3d7a5-e1d0-77ef-9d24-36beadfcc1a5', '03b3d7a5-da00-714e-bf07-83a5260e8437', '254de550eaca8d528f9cdb1061e1a5ab38dce1836b9b2dd46f6deee6974a2d0e', 4070952002000, 4070995202000, NULL);
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
  person     TEXT COLLATE NOCASE, -- for whom the actor acted; null: for nobody in particular
  action     TEXT    NOT NULL,
  target     TEXT    NOT NULL, -- a token's or session's id, an action's name, or the scope {org}/{project}/{env}
  target_name TEXT   NOT NULL, -- the token's or the action's name, or the scope: a revoked token has no row
  session_id TEXT,             -- the session through which the actor's token acted
  gates      TEXT CHECK (gates IN ('added', 'weakened', 'removed')), -- what the change of an action did to its gates
  bulk       TEXT,             -- what a bulk operation does and how it ended, as JSON
  reason     TEXT,             -- of an approval, a rejection, a pause or a cancel
  lineage    TEXT,             -- the line of a revoked token, which finds what it left behind
  PRIMARY KEY (project, id)
) STRICT;
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-da00-73fd-8266-96d8599c1dac', NULL, 4070952000000, 'root', 'root', NULL, 'token_minted', '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-da00-7a1b-b7c8-5ab6ac8e6a14', 'prod', 4070952000000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'token_minted', '03b3d7a5-da00-7917-af34-6f1b7e8c268e', 'ci', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-da00-7fdf-a1cb-a2c4d626b010', NULL, 4070952000000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'token_minted', '03b3d7a5-da00-726b-a2a2-fec2e4796f93', 'left', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7d99-ba2c-000000000000', NULL, 4070952001000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'token_revoked', '03b3d7a5-da00-726b-a2a2-fec2e4796f93', 'left', NULL, NULL, NULL, NULL, '/03b3d7a5-da00-714e-bf07-83a5260e8437/03b3d7a5-da00-726b-a2a2-fec2e4796f93/');
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7731-a237-44babfd6271b', NULL, 4070952001000, 'root', 'root', NULL, 'token_minted', '03b3d7a5-dde8-7d99-9299-cd43f3554a44', 'release-manager', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7255-8aaf-a00fd12920dc', NULL, 4070952001000, 'root', 'root', NULL, 'token_minted', '03b3d7a5-dde8-7fb7-a487-97e82db27152', 'portal', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-e1d0-7253-9422-947394a38f05', 'prod', 4070952002000, '03b3d7a5-da00-7917-af34-6f1b7e8c268e', 'ci', NULL, 'token_rotated', '03b3d7a5-da00-7917-af34-6f1b7e8c268e', 'ci', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-e5b8-7958-8fdb-274003599cdd', 'prod', 4070952003000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-e9a0-7af6-9116-ce5217bd7f6c', 'prod', 4070952004000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-ed88-7988-8469-d0d86d5727ec', 'prod', 4070952005000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'action_put', 'release', 'release', NULL, 'added', NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-f170-7251-8cc6-21a673756f58', 'prod', 4070952006000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'action_put', 'queue', 'queue', NULL, 'added', NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-f558-75c0-88c6-1a5f8f1189f7', 'prod', 4070952007000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'action_put', 'freeze', 'freeze', NULL, 'added', NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-f940-7204-93eb-a806cb4705d2', 'prod', 4070952008000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'action_put', 'flaky', 'flaky', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-fd28-7081-8c81-2316c82b0257', 'prod', 4070952009000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'pause_put', 'frozen', 'frozen', NULL, NULL, NULL, 'a release freeze', NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a6-0110-77e1-b746-b91506d6c1c5', 'prod', 4070952010000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'webhook_endpoint_put', 'chat', 'chat', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a6-1498-70c5-87bf-b4651a837d37', 'prod', 4070952015000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'run_cancelled', '03b3d7a6-10b0-8003-a0f9-d94001725ba9', '03b3d7a6-10b0-8003-a0f9-d94001725ba9', NULL, NULL, NULL, 'wrong', NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a8-04b0-7e52-8fd2-d2556ef13447', 'prod', 4070952142000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'run_cancelled', '03b3d7a7-fce0-8000-bc2b-44b769f6940d', '03b3d7a7-fce0-8000-bc2b-44b769f6940d', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a8-2fa8-72c4-8dde-5ca3a9525dcc', 'prod', 4070952153000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'run_cancelled', '03b3d7a8-1450-8002-a362-29dedaf3a5aa', '03b3d7a8-1450-8002-a362-29dedaf3a5aa', NULL, NULL, NULL, 'stop', NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a8-3778-7191-953b-3e04f7b2fe39', 'prod', 4070952155000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', NULL, 'bulk_started', '03b3d7a8-3778-7191-953b-3e04f7b2fe39', '03b3d7a8-3778-7191-953b-3e04f7b2fe39', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10}', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a8-38a4-7261-8b1b-8c5a6fa57236', 'prod', 4070952155300, 'service', 'service', NULL, 'bulk_ended', '03b3d7a8-3778-7191-953b-3e04f7b2fe39', '03b3d7a8-3778-7191-953b-3e04f7b2fe39', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10,"status":"completed","abortReason":null,"counts":{"matched":2,"accepted":2,"skipped":0,"failed":0,"remaining":0}}', NULL, NULL);
CREATE INDEX audit_by_env ON audit (project, env_name, id);
CREATE INDEX audit_by_actor ON audit (project, actor, id);
CREATE INDEX audit_by_person ON audit (project, person, id) WHERE person IS NOT NULL;
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
  changed_lineage TEXT NOT NULL, -- the line of changed_by, /{top}/…/{token}/, or /root/
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
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, changed_lineage, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'ship', 4070952004000, 4070952003000, '03b3d7a5-e9a0-7af6-9116-ce5217bd7f6c', '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', 4070952004000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', '/03b3d7a5-da00-714e-bf07-83a5260e8437/', 'db4ad5b354eea23f', 0, 508, NULL, NULL, NULL, NULL, NULL, X'4BCE001BA1833958C74A9F20B0328F3859DB8A4344D35BD6E0D28B82FC79CC274632D9EEDD57DD46302EBAA4CEDFE73F044AF492AE6D1791096E6B461CB529256589987E6154E852E4C9900F0B8FDD8C40A25EC8177AE6E3A1D9242D1C63310FED79EEC43E7B0984CB1165BD9F7CD4EA11E2841744E84253AD61B24A4165B066320B57EE9D0BD00583AB410E5785DC7947', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"parametersSchema":{"type":"object","properties":{"service":{"type":"string"}},"required":["service"]},"timeout":90,"labels":["team:shop"]}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, changed_lineage, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'release', 4070952005000, 4070952005000, '03b3d7a5-ed88-7988-8469-d0d86d5727ec', '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', 4070952005000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', '/03b3d7a5-da00-714e-bf07-83a5260e8437/', 'db4ad5b354eea23f', 0, 426, NULL, '["gates"]', NULL, NULL, NULL, X'C82294E52D9B0C01483FBE1691D80683CE6D65614A7F6FA4D935A2AC3D74317EA41900632244F1DB69104C0697296ECF1469448B97A2267FEBFD421A78A3F8D1AC04095A93FB2E8A933168EFAAFDED898CC975CEEADC3C3628396726D06D40031FD9134B95FA74698902D37CFF6B02B61756ACA64255A2F35BEBC597702244E145CB0BA192520EC0F6A9F12E90612807E7', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"timeout":90,"approval":{"required":1,"allowSelf":false}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, changed_lineage, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'queue', 4070952006000, 4070952006000, '03b3d7a5-f170-7251-8cc6-21a673756f58', '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', 4070952006000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', '/03b3d7a5-da00-714e-bf07-83a5260e8437/', 'db4ad5b354eea23f', 0, 467, NULL, '["gates"]', NULL, NULL, NULL, X'A61FAED671D5211C292E1A1C95E18B0C052F6ECA409D1E5083250D5134D0CBD4026B4763356F371939A133A87B83804A33A6F32EC328D698E5455969313C7F3B19160625BF18B311967AEB28F7AE0AC207307467C2BE3B891472EA42A08E047B88997A5A455CFDE1C118452B0A6D8699D285133B7B945F6D463DCCA5537CB6C38C69895086C891F7517D733A68AEAD3475', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"deploys","key":"{{ parameters.service }}","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, changed_lineage, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'freeze', 4070952007000, 4070952007000, '03b3d7a5-f558-75c0-88c6-1a5f8f1189f7', '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', 4070952007000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', '/03b3d7a5-da00-714e-bf07-83a5260e8437/', 'db4ad5b354eea23f', 0, 433, NULL, '["gates"]', NULL, NULL, NULL, X'EB1907315E247423A3AE0FB4FCEC2407558D6DCE9731606EF295DDF3C606F9986FBCFCD409166AE71FC549384B1867EC852BC1BD5F4DF445637A8243AFF1D1A0719F47000BDF011A76F64C9EBC1DCF4139F607D65644A7BB8BBDE4D429ECFAC89F5A0F6990B5193F2F5684AA468DB6A2B1FF8F0D943CED71AD10E0EE16E33461111DA9C6A2B8D0DA57B0577204704C91EC', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"frozen","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, changed_lineage, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'flaky', 4070952008000, 4070952008000, '03b3d7a5-f940-7204-93eb-a806cb4705d2', '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', 4070952008000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', '/03b3d7a5-da00-714e-bf07-83a5260e8437/', 'db4ad5b354eea23f', 0, 139, NULL, NULL, NULL, NULL, NULL, X'D93BC98A06A2037466420C07F645390BCA0899E0CC7C738EAB51D2D85535936B0845DF5D73580D48DC2048C65F884C54321EA194F6C48B0D57F0FD74416C6131539A989F90C33E46300FA95E7F5C81F921F7B2A8D8741AB5FA79A9AA9562F2', '{"trigger":{"type":"webhook","url":"https://down.example.com/hooks","method":"POST","startOn":"accepted","headers":{"Authorization":null}}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, changed_lineage, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'webhook_endpoint', 'chat', 4070952010000, 4070952010000, '03b3d7a6-0110-77e1-b746-b91506d6c1c5', '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', 4070952010000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', '/03b3d7a5-da00-714e-bf07-83a5260e8437/', 'db4ad5b354eea23f', 0, 162, '{"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"actionNames":null,"labels":[],"showsPrevious":true}', NULL, NULL, NULL, NULL, X'1AE49EE5537922BEB1C68BB1606C8E26A03891A188D33531075D475109E79E062593B2F392C22D89F5681AECCC2DC93BAB992390357D34EE2A0EE084C420DC48CE68FA4671C205754441989D13DB17A430C9846C7C28FB6EFB4FE24A3F6DB544586E500CA32F698C6165DF1BF6B8F4129F9ABC1D64DA61453E11DD3068BA5AF276E5523380B9B59287B32FF4CE41D9443E40FE2EE107CE1061CD17B6EF39616F057C4E1957CD45B6BF515FFB8E6F28', '{"url":null,"headers":{},"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"signingSecret":null}');
CREATE INDEX definitions_by_key ON definitions (key_id, resealed_at) WHERE key_id IS NOT NULL;
CREATE INDEX definitions_by_lineage ON definitions (kind, changed_lineage, scope, name);
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
INSERT INTO "definition_versions" (seq, scope, kind, name, version, changed_at, changed_by, changed_by_name, bytes, definition) VALUES (1, 'acme/of-a-release/prod', 'action', 'ship', 4070952003000, 4070952003000, '03b3d7a5-da00-714e-bf07-83a5260e8437', 'ops', 403, '{"description":"The first version","trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}}}');
CREATE INDEX definition_versions_by_age ON definition_versions (scope, kind, seq, bytes);
CREATE TABLE deleted_definitions (
  scope   TEXT    NOT NULL,
  kind    TEXT    NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (scope, kind)
) STRICT, WITHOUT ROWID;
