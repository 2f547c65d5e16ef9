CREATE TABLE "d1_migrations" (
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		name       TEXT UNIQUE,
		applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
	);
INSERT INTO "d1_migrations" (id, name, applied_at) VALUES (1, '0001_tables.sql', '2026-11-30 20:11:17');
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
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-04f8-8003-9eec-e6243ad0eabf', 3, 'succeeded', 'deploy', '0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11', 'root', NULL, NULL, NULL, NULL, NULL, 4073544012000, 429, '{"id":"03b3d7a6-04f8-8003-9eec-e6243ad0eabf","actionName":"deploy","entityId":"0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11","status":"succeeded","parameters":{"version":"1.4.2","replicas":3},"recommendations":{"rollback":"1.4.1"},"triggeredBy":"root","createdAt":"2099-01-01T12:00:11.000Z","startedAt":"2099-01-01T12:00:12.000Z","completedAt":"2099-01-01T12:00:12.000Z","error":null,"output":{"url":"https://shop.example","n":[1,null]}}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["night","team:shop"],"traceparent":null,"externalUrl":"https://ci.example.com/1","heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-0cc8-8001-b158-345bf4cebc66', 2, 'failed', 'deploy', NULL, 'ada', NULL, NULL, NULL, NULL, NULL, 4073544013000, 331, '{"id":"03b3d7a6-0cc8-8001-b158-345bf4cebc66","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"ada","createdAt":"2099-01-01T12:00:13.000Z","startedAt":"2099-01-01T12:00:13.000Z","completedAt":"2099-01-01T12:00:13.000Z","error":"it''s \"broken\";\nsecond line","output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":"portal","waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-1880-8002-a705-54289004dec0', 2, 'failed', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073544076000, 342, '{"id":"03b3d7a6-1880-8002-a705-54289004dec0","actionName":"deploy","entityId":null,"status":"failed","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:16.000Z","startedAt":null,"completedAt":"2099-01-01T12:01:16.000Z","error":"[timeout] No result was reported by 2099-01-01T12:01:16.000Z.","output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a6-10b0-8001-ab7a-a8fbc5a7c2ba', 2, 'cancelled', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073544015000, 286, '{"id":"03b3d7a6-10b0-8001-ab7a-a8fbc5a7c2ba","actionName":"deploy","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:00:14.000Z","startedAt":null,"completedAt":"2099-01-01T12:00:15.000Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"wrong","requestedAt":"2099-01-01T12:00:15.000Z","until":"2099-01-01T12:00:15.000Z"},"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-fce0-8002-83b2-a1854216d27e', 3, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073547740000, 283, '{"id":"03b3d7a7-fce0-8002-83b2-a1854216d27e","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:20.000Z","startedAt":"2099-01-01T12:02:21.000Z","completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:22.000Z","until":"2099-01-01T13:02:20.000Z"},"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1068-8000-b6c8-a2f1d646e822', 2, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, NULL, 4073549545000, 296, '{"id":"03b3d7a8-1068-8000-b6c8-a2f1d646e822","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:25.000Z","startedAt":"2099-01-01T12:02:26.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":4070952004000},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1450-8001-a0a9-338a9183b03d', 3, 'running', 'ship', NULL, 'ci', NULL, NULL, NULL, NULL, NULL, 4073549546000, 296, '{"id":"03b3d7a8-1450-8001-a0a9-338a9183b03d","actionName":"ship","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:26.000Z","startedAt":"2099-01-01T12:02:27.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":4070952004000},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":"stop","requestedAt":"2099-01-01T12:02:33.000Z","until":"2099-01-01T13:02:33.000Z"},"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1c20-8001-ab88-3b0857aa555a', 1, 'pending', 'release', NULL, 'ci', 'approval', NULL, '/03b3d7a5-da00-7346-be7d-ba4d93ecbf99/03b3d7a5-da00-74e8-9ecc-0933c70131b9/', '93b66ccb512ace4b', NULL, 4074154348000, 277, '{"id":"03b3d7a8-1c20-8001-ab88-3b0857aa555a","actionName":"release","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:28.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"release","version":4070952005000},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"approval","since":"2099-01-01T12:02:28.000Z","until":"2099-01-08T12:02:28.000Z","notBefore":null,"group":null,"key":null,"reason":null},"approval":{"required":1,"approvals":[]},"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2008-8001-ad42-254aea406b34', 1, 'pending', 'ship', NULL, 'ci', 'time', NULL, '/03b3d7a5-da00-7346-be7d-ba4d93ecbf99/03b3d7a5-da00-74e8-9ecc-0933c70131b9/', '93b66ccb512ace4b', NULL, 4074157948000, 274, '{"id":"03b3d7a8-2008-8001-ad42-254aea406b34","actionName":"ship","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:29.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"ship","version":4070952004000},"retryOf":null,"bulkOperationId":null,"labels":["team:shop"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"time","since":"2099-01-01T12:02:29.000Z","until":"2099-01-08T13:02:28.000Z","notBefore":"2099-01-01T13:02:28.000Z","group":null,"key":null,"reason":null},"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3390-8001-b7e7-aeab6e616eb0', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3390-8001-b7e7-aeab6e616eb0","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:34.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-3778-8001-9436-4afed32a5702', 2, 'cancelled', 'import', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073544155200, 286, '{"id":"03b3d7a8-3778-8001-9436-4afed32a5702","actionName":"import","entityId":null,"status":"cancelled","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:35.000Z","startedAt":null,"completedAt":"2099-01-01T12:02:35.200Z","error":null,"output":null}', '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":["bulk"],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":{"by":"ops","reason":null,"requestedAt":"2099-01-01T12:02:35.200Z","until":"2099-01-01T12:02:35.200Z"},"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f128-8003-83d8-b99e45e7ebc5', 1, 'pending', 'deploy', NULL, 'ops', NULL, NULL, NULL, NULL, NULL, 4073547737000, 261, '{"id":"03b3d7a7-f128-8003-83d8-b99e45e7ebc5","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"ops","createdAt":"2099-01-01T12:02:17.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"none","action":null,"retryOf":"03b3d7a6-0cc8-8001-b158-345bf4cebc66","bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a7-f510-8003-84d7-a601ba85b07b', 2, 'running', 'watch', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073580138000, 283, '{"id":"03b3d7a7-f510-8003-84d7-a601ba85b07b","actionName":"watch","entityId":null,"status":"running","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:18.000Z","startedAt":"2099-01-01T12:02:19.000Z","completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0898-8003-aa11-7e6f018064b0', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073549543000, 262, '{"id":"03b3d7a8-0898-8003-aa11-7e6f018064b0","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:23.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-0c80-8003-96dc-fe32481507fe', 1, 'pending', 'deploy', NULL, 'root', NULL, NULL, NULL, NULL, NULL, 4073547744000, 262, '{"id":"03b3d7a8-0c80-8003-96dc-fe32481507fe","actionName":"deploy","entityId":null,"status":"pending","parameters":{},"recommendations":{},"triggeredBy":"root","createdAt":"2099-01-01T12:02:24.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', NULL);
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-1838-8003-8eb6-5545e4a85b48', 2, 'pending', 'flaky', NULL, 'ci', NULL, NULL, NULL, NULL, NULL, 4073547747000, 275, '{"id":"03b3d7a8-1838-8003-8eb6-5545e4a85b48","actionName":"flaky","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:27.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"flaky","version":4070952008000},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null,"delivery":{"attempts":1,"reason":"down.example.com answered 503.","nextAttemptAt":"2099-01-01T12:02:28.874Z"}}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-23f0-8003-926f-1afe60eb1c62', 2, 'running', 'queue', NULL, 'ci', NULL, 'deploys', NULL, NULL, NULL, 4073547750000, 297, '{"id":"03b3d7a8-23f0-8003-926f-1afe60eb1c62","actionName":"queue","entityId":null,"status":"running","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:30.000Z","startedAt":"2099-01-01T12:02:31.000Z","completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":4070952006000},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-27d8-8003-92e2-a4693adc91b3', 1, 'pending', 'queue', NULL, 'ci', 'concurrency', 'deploys', '/03b3d7a5-da00-7346-be7d-ba4d93ecbf99/03b3d7a5-da00-74e8-9ecc-0933c70131b9/', '93b66ccb512ace4b', NULL, 4074152551000, 275, '{"id":"03b3d7a8-27d8-8003-92e2-a4693adc91b3","actionName":"queue","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:31.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"queue","version":4070952006000},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"concurrency","since":"2099-01-01T12:02:31.000Z","until":"2099-01-08T12:02:31.000Z","notBefore":null,"group":"deploys","key":"shop","reason":null},"approval":null,"delivery":null}');
INSERT INTO "runs" (scope, id, version, status, action_name, entity_id, triggered_by, waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, purge_at, bytes, body, details) VALUES ('acme/of-a-release/prod', '03b3d7a8-2bc0-8003-b4aa-0970c3438134', 1, 'pending', 'freeze', NULL, 'ci', 'pause', 'frozen', '/03b3d7a5-da00-7346-be7d-ba4d93ecbf99/03b3d7a5-da00-74e8-9ecc-0933c70131b9/', '93b66ccb512ace4b', NULL, 4074152552000, 276, '{"id":"03b3d7a8-2bc0-8003-b4aa-0970c3438134","actionName":"freeze","entityId":null,"status":"pending","parameters":{"service":"shop"},"recommendations":{},"triggeredBy":"ci","createdAt":"2099-01-01T12:02:32.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}', '{"source":"action","action":{"name":"freeze","version":4070952007000},"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":{"for":"pause","since":"2099-01-01T12:02:32.000Z","until":"2099-01-08T12:02:32.000Z","notBefore":null,"group":"frozen","key":null,"reason":"a release freeze"},"approval":null,"delivery":null}');
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
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3390-8001-b7e7-aeab6e616eb0');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'bulk', '03b3d7a8-3778-8001-9436-4afed32a5702');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'night', '03b3d7a6-04f8-8003-9eec-e6243ad0eabf');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a6-04f8-8003-9eec-e6243ad0eabf');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1068-8000-b6c8-a2f1d646e822');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-1450-8001-a0a9-338a9183b03d');
INSERT INTO "run_labels" (scope, label, id) VALUES ('acme/of-a-release/prod', 'team:shop', '03b3d7a8-2008-8001-ad42-254aea406b34');
CREATE TABLE coordinators (
  scope  TEXT    NOT NULL,
  n      INTEGER NOT NULL,
  due_at INTEGER NOT NULL, -- ms
  PRIMARY KEY (scope, n)
) STRICT, WITHOUT ROWID;
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 1, 4070952137000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 3, 4070952137000);
INSERT INTO "coordinators" (scope, n, due_at) VALUES ('acme/of-a-release/prod', 2, 4070952143430);
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
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', '3c3a07965560bf758e98db6d854ac13a62b2fcd833ae9c2748544b1feb9fa335', 'ops', 'admin', NULL, 'root', 4070952000000, NULL, NULL, NULL, NULL, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-da00-74e8-9ecc-0933c70131b9', '5cedfba806ede49b5459352db28f55346cc350730c9d2417da81b38f78d71e34', 'ci', 'member', 'prod', 'ops', 4070952000000, NULL, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'd214cd3532ccf9bb36e63e8b43a6af73105a8c5d64944791c2169381c3657806', 4071556802000, 4070952000000, NULL, 0, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7653-9bdf-f1a9cc17a54b', '86718794925c33edd9a647aeaf31083baddf9fc4f6e173dafde1412c30b0fa47', 'release-manager', 'member', NULL, 'root', 4070952001000, NULL, NULL, NULL, NULL, NULL, NULL, 1, 0);
INSERT INTO "tokens" (project, id, hash, name, role, env_name, created_by, created_at, expires_at, parent_id, old_hash, old_expires_at, last_used_at, person, may_approve, may_act_for_others) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7de7-ac6b-58ebaaa806a1', '9352fef4a7d1dcff3ea5cca84d6394243b2fca57b330032b838187a402da667f', 'portal', 'member', NULL, 'root', 4070952001000, 4102358400000, NULL, NULL, NULL, 4070952000000, NULL, 0, 1);
CREATE INDEX tokens_by_parent ON tokens (project, parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE revoked_tokens (
  project TEXT    NOT NULL, -- {org}/{project}
  id      TEXT    NOT NULL,
  at      INTEGER NOT NULL, -- ms
  PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "revoked_tokens" (project, id, at) VALUES ('acme/of-a-release', '03b3d7a5-da00-7aca-a480-df2ab7225968', 4070952001000);
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
INSERT INTO "sessions" (hash, page_key_hash, project, id, token_id, token_hash, began_at, expires_at, last_used_at) VALUES ('91efd051c387d26539d6c05753446d2a4defd8ab59e284de627ac5211c8ec071', 'f0167592c75ad969463297a01bceb09f79a072eba71dafa4c3563834a55d1f7e', 'acme/of-a-release', '03b3d7a5-e1d0-73a2-9734-50eb21c37b49', '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', '3c3a07965560bf758e98db6d854ac13a62b2fcd833ae9c2748544b1feb9fa335', 4070952002000, 4070995202000, NULL);
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
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-da00-7a53-89ea-fa1b634f926a', NULL, 4070952000000, 'root', 'root', NULL, 'token_minted', '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-da00-784b-b61d-f61cb1c96fd3', 'prod', 4070952000000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'token_minted', '03b3d7a5-da00-74e8-9ecc-0933c70131b9', 'ci', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-da00-7099-a079-022de925330a', NULL, 4070952000000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'token_minted', '03b3d7a5-da00-7aca-a480-df2ab7225968', 'left', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-dde8-737b-8701-000000000000', NULL, 4070952001000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'token_revoked', '03b3d7a5-da00-7aca-a480-df2ab7225968', 'left', NULL, NULL, NULL, NULL, '/03b3d7a5-da00-7346-be7d-ba4d93ecbf99/03b3d7a5-da00-7aca-a480-df2ab7225968/');
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7abe-9dd2-407fd6ffc8cf', NULL, 4070952001000, 'root', 'root', NULL, 'token_minted', '03b3d7a5-dde8-7653-9bdf-f1a9cc17a54b', 'release-manager', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-dde8-7f5f-8083-fbac3d253036', NULL, 4070952001000, 'root', 'root', NULL, 'token_minted', '03b3d7a5-dde8-7de7-ac6b-58ebaaa806a1', 'portal', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-e1d0-7e18-804b-d619c6bf1097', 'prod', 4070952002000, '03b3d7a5-da00-74e8-9ecc-0933c70131b9', 'ci', NULL, 'token_rotated', '03b3d7a5-da00-74e8-9ecc-0933c70131b9', 'ci', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-e5b8-7909-b646-f77df133be96', 'prod', 4070952003000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-e9a0-70ec-b175-77ba97814df5', 'prod', 4070952004000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'action_put', 'ship', 'ship', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-ed88-7122-8e6e-db5b22002a8b', 'prod', 4070952005000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'action_put', 'release', 'release', NULL, 'added', NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-f170-7bd6-8b10-3c98913ecf27', 'prod', 4070952006000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'action_put', 'queue', 'queue', NULL, 'added', NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-f558-773d-8d80-e7c88621472c', 'prod', 4070952007000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'action_put', 'freeze', 'freeze', NULL, 'added', NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-f940-7798-8b2a-8912feeb3517', 'prod', 4070952008000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'action_put', 'flaky', 'flaky', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a5-fd28-7f82-817f-d60170b10e3d', 'prod', 4070952009000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'pause_put', 'frozen', 'frozen', NULL, NULL, NULL, 'a release freeze', NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a6-0110-7577-b11d-b1a13a1b0390', 'prod', 4070952010000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'webhook_endpoint_put', 'chat', 'chat', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a6-1498-78b8-80ac-8bcee55b0d20', 'prod', 4070952015000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'run_cancelled', '03b3d7a6-10b0-8001-ab7a-a8fbc5a7c2ba', '03b3d7a6-10b0-8001-ab7a-a8fbc5a7c2ba', NULL, NULL, NULL, 'wrong', NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a8-04b0-7bee-8935-c436806cc6f9', 'prod', 4070952142000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'run_cancelled', '03b3d7a7-fce0-8002-83b2-a1854216d27e', '03b3d7a7-fce0-8002-83b2-a1854216d27e', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a8-2fa8-7d10-89bb-d14a31613f40', 'prod', 4070952153000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'run_cancelled', '03b3d7a8-1450-8001-a0a9-338a9183b03d', '03b3d7a8-1450-8001-a0a9-338a9183b03d', NULL, NULL, NULL, 'stop', NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a8-3778-7492-b672-b68ec29623da', 'prod', 4070952155000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', NULL, 'bulk_started', '03b3d7a8-3778-7492-b672-b68ec29623da', '03b3d7a8-3778-7492-b672-b68ec29623da', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10}', NULL, NULL);
INSERT INTO "audit" (project, id, env_name, at, actor, actor_name, person, action, target, target_name, session_id, gates, bulk, reason, lineage) VALUES ('acme/of-a-release', '03b3d7a8-38a4-7e43-863b-9addc691ac89', 'prod', 4070952155300, 'service', 'service', NULL, 'bulk_ended', '03b3d7a8-3778-7492-b672-b68ec29623da', '03b3d7a8-3778-7492-b672-b68ec29623da', NULL, NULL, '{"operation":"cancel","filter":{"labels":["bulk"],"status":["pending"]},"runs":null,"maxRuns":10,"status":"completed","abortReason":null,"counts":{"matched":2,"accepted":2,"skipped":0,"failed":0,"remaining":0}}', NULL, NULL);
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
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, changed_lineage, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'ship', 4070952004000, 4070952003000, '03b3d7a5-e9a0-70ec-b175-77ba97814df5', '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', 4070952004000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', '/03b3d7a5-da00-7346-be7d-ba4d93ecbf99/', 'db4ad5b354eea23f', 0, 508, NULL, NULL, NULL, NULL, NULL, X'1D48DD86FAC4F4145C987FB3A34F1CFE91195FF1B38D5BD64D35BA340AEE9C33BD120F0E001649450051D7CB245AB9A34F81F9511F01CC349223B54A40009F2204617DEA199A9751C92B01E8B007DAD751251D017346917838B203FF49D6BD723BEC28BF1C69F8AFBBB8EE6B5C15412A00F203F7C94FEDC37E299E97E624494C9FD1C7855F3750780C3F81898388AF6B5F', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"parametersSchema":{"type":"object","properties":{"service":{"type":"string"}},"required":["service"]},"timeout":90,"labels":["team:shop"]}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, changed_lineage, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'release', 4070952005000, 4070952005000, '03b3d7a5-ed88-7122-8e6e-db5b22002a8b', '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', 4070952005000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', '/03b3d7a5-da00-7346-be7d-ba4d93ecbf99/', 'db4ad5b354eea23f', 0, 426, NULL, '["gates"]', NULL, NULL, NULL, X'F46E5EF16993D8375AAD3539C14E5CD56FB50C6B1E76331E89C7BBF74064E2D51043C0491F71E094C211D083C39625A7ED36B14B4AF11C5CC0F2C8776E05C667644E1165E4B74F3CEB22C09C1FE1AE7B89A6F0366328D1D840B113A5563C4F3DDC283BC945C49348CF7FA1C3F8D575EF1FA7D4B416D00B7734755467C6674CCB8B09753A03F66C9527340133D8F97FDF88', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"timeout":90,"approval":{"required":1,"allowSelf":false}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, changed_lineage, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'queue', 4070952006000, 4070952006000, '03b3d7a5-f170-7bd6-8b10-3c98913ecf27', '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', 4070952006000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', '/03b3d7a5-da00-7346-be7d-ba4d93ecbf99/', 'db4ad5b354eea23f', 0, 467, NULL, '["gates"]', NULL, NULL, NULL, X'B6E97E58319A95FC0683E5B0CD18E4C02B36512B2D0892550FC248D139C5D9E30ECDE88CC6D4A10666232AD12AE777169BE706C7FD9CF996E2AFA73ABDAC8CDCDBBE95DBB1D117CBA1B766EE3E176AEC6C134C71F988BBF7D98EEC813FA97FE4D8E71430194ADD87092B13DDFE4BFADE4B43BADA70AE06337AB0B25F921EC8E361F6C873A311AFD6F1E229E1769C828B43', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"deploys","key":"{{ parameters.service }}","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, changed_lineage, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'freeze', 4070952007000, 4070952007000, '03b3d7a5-f558-773d-8d80-e7c88621472c', '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', 4070952007000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', '/03b3d7a5-da00-7346-be7d-ba4d93ecbf99/', 'db4ad5b354eea23f', 0, 433, NULL, '["gates"]', NULL, NULL, NULL, X'59504AC288FCE8627846949E8DC46F2F13F0469ECD0067AD0EFD0244CCE1B65F1B084E86B2AB7F43842DD434BA83790F45B9D33AC7A9668242E8FAF6D4C26E86DD61BC7B4FDC4406FDE25C9181A0F9E5AADF21A64DCB25B9CBB7A5BC02312FA7F95B1AA5E78DADDE113EA5DEAE43FA48A31A14A97038657DB81BB0C96F826374171CED9FFCD0ED51D0D043A48E32E7529E', '{"trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}},"concurrency":{"group":"frozen","limit":1,"onConflict":"queue"}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, changed_lineage, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'action', 'flaky', 4070952008000, 4070952008000, '03b3d7a5-f940-7798-8b2a-8912feeb3517', '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', 4070952008000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', '/03b3d7a5-da00-7346-be7d-ba4d93ecbf99/', 'db4ad5b354eea23f', 0, 139, NULL, NULL, NULL, NULL, NULL, X'EF309258912C18F7504EB9216E5F25F2B3D43B2C71207B7D110108FD5F84DC920D6A20A2D340C29E655FEB4D57AEE1BE28D31380DF5F0E24DC1C49C7B7DBBE77177D5C8A6BCA12055D262E527A0D901F095ADB0D82E349227A3DD7F490BFD4', '{"trigger":{"type":"webhook","url":"https://down.example.com/hooks","method":"POST","startOn":"accepted","headers":{"Authorization":null}}}');
INSERT INTO "definitions" (scope, kind, name, version, created_version, change_id, created_by, created_by_name, changed_at, changed_by, changed_by_name, changed_lineage, key_id, resealed_at, bytes, filter, features, disabled_version, disabled_at, disabled_reason, secrets, definition) VALUES ('acme/of-a-release/prod', 'webhook_endpoint', 'chat', 4070952010000, 4070952010000, '03b3d7a6-0110-7577-b11d-b1a13a1b0390', '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', 4070952010000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', '/03b3d7a5-da00-7346-be7d-ba4d93ecbf99/', 'db4ad5b354eea23f', 0, 162, '{"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"actionNames":null,"labels":[],"showsPrevious":true}', NULL, NULL, NULL, NULL, X'A0DAD281D7DADDC6AF70C1E5445069BAC2C6ACFF6BC80EE2DD7AD545F10ACAE3BF98DF5E7B5CD6F431F2E1EFD430DBDC93ADFFC7B56A5AD72244D23786A1994012A1DDD3129434498F2246183A8D7EC66D9EA5687F385E0B25EB609903D44623139059F91034AD2CC5FC32FE2DDE50A1F756DFD5D9DDDDCC1E1989A91F9E83A8E3166B4966D3766D2D58BF285D8A938A6657A8F1D2E8FCC602B1E2FBB7A47A5FE2F64AE805DFD55BB6103429615C6A', '{"url":null,"headers":{},"events":["action_run.failed","action_run.succeeded"],"includeUnstored":false,"onlyOnChange":false,"disabled":false,"signingSecret":null}');
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
INSERT INTO "definition_versions" (seq, scope, kind, name, version, changed_at, changed_by, changed_by_name, bytes, definition) VALUES (1, 'acme/of-a-release/prod', 'action', 'ship', 4070952003000, 4070952003000, '03b3d7a5-da00-7346-be7d-ba4d93ecbf99', 'ops', 403, '{"description":"The first version","trigger":{"type":"webhook","url":"https://ci.example.com/hooks/{{ parameters.service }}","method":"POST","payload":{"token":"{{ secrets.token }}","callback":"{{ run.callbackToken }}"},"startOn":"accepted","headers":{"Authorization":null},"secrets":{"token":null},"cancel":{"url":"https://ci.example.com/hooks/{{ response.build }}/stop","method":"POST","headers":{}}}}');
CREATE INDEX definition_versions_by_age ON definition_versions (scope, kind, seq, bytes);
CREATE TABLE deleted_definitions (
  scope   TEXT    NOT NULL,
  kind    TEXT    NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (scope, kind)
) STRICT, WITHOUT ROWID;
