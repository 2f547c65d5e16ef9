CREATE TABLE schema_steps (step INTEGER PRIMARY KEY) STRICT;
INSERT INTO "schema_steps" (step) VALUES (1);
CREATE TABLE runs (
     run_key              INTEGER PRIMARY KEY,
     id                   TEXT    NOT NULL,
     version              INTEGER NOT NULL,
     change_seq           INTEGER NOT NULL,
     status               TEXT    NOT NULL,
     action_name          TEXT    NOT NULL,
     entity_id            TEXT,
     triggered_by         TEXT    NOT NULL,
     created_at           INTEGER NOT NULL,
     started_at           INTEGER,
     completed_at         INTEGER,
     deadline_at          INTEGER NOT NULL,
     purge_at             INTEGER NOT NULL,
     due_at               INTEGER NOT NULL CHECK (due_at > 0),
     due_failures         INTEGER NOT NULL DEFAULT 0,
     changed_at           INTEGER NOT NULL,
     bytes                INTEGER NOT NULL,
     create_key           TEXT    NOT NULL,
     create_fingerprint   TEXT    NOT NULL,
     fingerprint_key_id   TEXT,
     change_key           TEXT,
     change_fingerprint   TEXT,
     heartbeat_timeout_ms INTEGER,
     silent_since         INTEGER,
     end_cause            TEXT,
     via                  TEXT,
     timeout_ms           INTEGER NOT NULL,
     gates                TEXT,
     waiting_for          TEXT,
     waiting_since        INTEGER,
     waiting_reason       TEXT,
     released_at          INTEGER,
     approvals            TEXT,
     rejected_by          TEXT,
     ready_seq            INTEGER,
     slot_until           INTEGER,
     slot_group           TEXT,
     slot_key             TEXT,
     slot_state           TEXT,
     creator_id           TEXT,
     waiting_bytes        INTEGER,
     labels               TEXT    NOT NULL,
     parameters           TEXT    NOT NULL,
     recommendations      TEXT    NOT NULL,
     error                TEXT,
     output               TEXT,
     source               TEXT    NOT NULL,
     action_version       INTEGER,
     retry_of             TEXT,
     traceparent          TEXT,
     cancel_by            TEXT,
     cancel_reason        TEXT,
     cancel_requested_at  INTEGER,
     cancel_until         INTEGER,
     external_url         TEXT,
     external_url_changes INTEGER NOT NULL
   ) STRICT;
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396955660309419, '03b3d7a6-1880-8003-a9d5-b4ca0f4739d9', 2, 2, 'failed', 'deploy', NULL, 'root', 4070952016000, NULL, 4070952076000, 4070952076000, 4073544076000, 4073544076000, 0, 4070952136000, 1028, 'm:03b3d7a6-1880-7ed2-835a-29006c953148', '', NULL, 'm:fe988e9a-0db3-41a0-a6b5-8ffe8071f1c6', '', NULL, 4070952016000, 'deadline', NULL, 60000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', '[timeout] No result was reported by 2099-01-01T12:01:16.000Z.', NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959625226225, '03b3d7a7-f128-8003-93f8-a3849a978b9f', 1, 3, 'pending', 'deploy', NULL, 'ops', 4070952137000, NULL, NULL, 4070955737000, 4073547737000, 4070955737000, 0, 4070952137000, 1028, 't:03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3:retry-1', '1ce222d18eab3d1ffb1bffa4687440c567a1cdfa56922a6d31aa71f5edbad546', NULL, NULL, NULL, NULL, 4070952137000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, '03b3d7a6-0cc8-8002-bb55-d611c3be44c9', NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959658013737, '03b3d7a7-f510-8003-ba14-db1ea1ef4dbb', 2, 5, 'running', 'watch', NULL, 'root', 4070952138000, 4070952139000, NULL, 4070988138000, 4073580138000, 4070955739000, 0, 4070952139000, 1028, 'm:03b3d7a7-f510-7254-b5f8-f558645a44a6', '', NULL, 'm:097bda24-e040-4759-8b28-c5c1e494ee31', '', 3600000, 4070952139000, NULL, NULL, 36000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959723533994, '03b3d7a7-fce0-8003-9b55-676e085b370a', 3, 8, 'running', 'watch', NULL, 'root', 4070952140000, 4070952141000, NULL, 4070955740000, 4073547740000, 4070955740000, 0, 4070952142000, 1028, 'm:03b3d7a7-fce0-73b8-a8d2-8921b04ec4b3', '', NULL, 'm:03b3d7a8-04b0-72f0-b9ab-0778f8a445d3', '', NULL, 4070952141000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', NULL, 4070952142000, 4070955740000, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959854612448, '03b3d7a8-0c80-8003-a7f0-7c3eb1e0c745', 1, 9, 'pending', 'deploy', NULL, 'root', 4070952144000, NULL, NULL, 4070955744000, 4073547744000, 4070955744000, 0, 4070952144000, 1028, 't:root:create-1', 'c50cd5ffc3032da546fd9d222f60548e0139d83c16361ad97ca80b4ece291222', NULL, NULL, NULL, NULL, 4070952144000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959920139049, '03b3d7a8-1450-8003-9594-ff4a44eb9354', 3, 17, 'running', 'ship', NULL, 'ci', 4070952146000, 4070952147000, NULL, 4070957546000, 4073549546000, 4070955753000, 0, 4070952153000, 1044, 'm:03b3d7a8-1450-791b-9025-72e8ce5692b8', '', NULL, 'm:03b3d7a8-2fa8-7446-a933-367214dd3e55', '', NULL, 4070952147000, NULL, NULL, 5400000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["team:shop"]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 2, NULL, NULL, 'ops', 'stop', 4070952153000, 4070955753000, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960018452129, '03b3d7a8-2008-8003-a750-91b14ef2a386', 1, 12, 'pending', 'ship', NULL, 'ci', 4070952149000, NULL, NULL, 4071565948000, 4074157948000, 4070955748000, 0, 4070952149000, 1044, 'm:03b3d7a8-2008-7fd6-ac45-426ae5e8c58e', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5400000, '{"notBefore":4070955748000,"approval":null,"concurrency":null,"waitUntil":4071560548000,"creator":{"tokenId":"03b3d7a5-da00-7bab-9e00-634171e65526","tokenName":"ci","parents":["03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'time', 4070952149000, NULL, NULL, NULL, NULL, NULL, NULL, '', '', 'early', '03b3d7a5-da00-7bab-9e00-634171e65526', 613, '["team:shop"]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960051223562, '03b3d7a8-23f0-8003-ae05-4727dae02eca', 2, 14, 'running', 'queue', NULL, 'ci', 4070952150000, 4070952151000, NULL, 4070955750000, 4073547750000, 4070955750000, 0, 4070952151000, 1044, 'm:03b3d7a8-23f0-7788-8203-d9f81afe82c9', '', NULL, 'm:18b51740-c4fd-49eb-b186-15b4e7950451', '', NULL, 4070952151000, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"deploys","key":"shop","limit":1,"onConflict":"queue"},"waitUntil":4071556950000,"creator":{"tokenId":"03b3d7a5-da00-7bab-9e00-634171e65526","tokenName":"ci","parents":["03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', NULL, NULL, NULL, 4070952150000, NULL, NULL, 13, NULL, 'deploys', 'shop', 'holding', '03b3d7a5-da00-7bab-9e00-634171e65526', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960084000329, '03b3d7a8-27d8-8003-bf24-ea3ff4200c50', 1, 15, 'pending', 'queue', NULL, 'ci', 4070952151000, NULL, NULL, 4071560551000, 4074152551000, 4071556951000, 0, 4070952151000, 1044, 'm:03b3d7a8-27d8-7938-8522-ed3c361c5c36', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"deploys","key":"shop","limit":1,"onConflict":"queue"},"waitUntil":4071556951000,"creator":{"tokenId":"03b3d7a5-da00-7bab-9e00-634171e65526","tokenName":"ci","parents":["03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'concurrency', 4070952151000, NULL, NULL, NULL, NULL, 15, NULL, 'deploys', 'shop', 'waiting', '03b3d7a5-da00-7bab-9e00-634171e65526', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960116767204, '03b3d7a8-2bc0-8003-bcf2-149d17073aab', 1, 16, 'pending', 'freeze', NULL, 'ci', 4070952152000, NULL, NULL, 4071560552000, 4074152552000, 4071556952000, 0, 4070952152000, 1044, 'm:03b3d7a8-2bc0-7f0c-9920-543f55cfd642', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"frozen","key":"","limit":1,"onConflict":"queue"},"waitUntil":4071556952000,"creator":{"tokenId":"03b3d7a5-da00-7bab-9e00-634171e65526","tokenName":"ci","parents":["03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'pause', 4070952152000, 'a release freeze', NULL, NULL, NULL, 16, NULL, 'frozen', '', 'waiting', '03b3d7a5-da00-7bab-9e00-634171e65526', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
CREATE UNIQUE INDEX runs_by_create_key ON runs (create_key) WHERE substr(create_key, 1, 2) = 't:';
CREATE INDEX runs_open_due ON runs (due_at) WHERE completed_at IS NULL;
CREATE INDEX runs_ended_due ON runs (due_at) WHERE completed_at IS NOT NULL;
CREATE INDEX runs_by_change ON runs (change_seq);
CREATE INDEX runs_by_slot ON runs (slot_group, slot_key, slot_state, ready_seq, creator_id, waiting_bytes)
     WHERE slot_state IS NOT NULL;
CREATE INDEX runs_by_slot_end ON runs (slot_until) WHERE slot_until IS NOT NULL;
CREATE TABLE slot_limits (
     slot_group  TEXT    NOT NULL,
     action_name TEXT    NOT NULL,
     version     INTEGER NOT NULL,
     max_holders INTEGER NOT NULL,
     PRIMARY KEY (slot_group, action_name)
   ) STRICT, WITHOUT ROWID;
INSERT INTO "slot_limits" (slot_group, action_name, version, max_holders) VALUES ('deploys', 'queue', 1, 1);
INSERT INTO "slot_limits" (slot_group, action_name, version, max_holders) VALUES ('frozen', 'freeze', 1, 1);
CREATE TABLE pauses (
     slot_group TEXT    PRIMARY KEY,
     reason     TEXT    NOT NULL,
     until      INTEGER,
     paused_by  TEXT    NOT NULL,
     via        TEXT,
     paused_at  INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "pauses" (slot_group, reason, until, paused_by, via, paused_at) VALUES ('frozen', 'a release freeze', NULL, 'ops', NULL, 4070952009000);
CREATE TABLE claims (
     key                TEXT    PRIMARY KEY,
     fingerprint        TEXT    NOT NULL,
     fingerprint_key_id TEXT,
     slot_group         TEXT    NOT NULL,
     slot_key           TEXT    NOT NULL,
     expires_at         INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_end ON claims (expires_at);
CREATE TABLE previews (
     run_id  TEXT PRIMARY KEY,
     request TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
CREATE TABLE runs_aside (
     run_id   TEXT    NOT NULL,
     database INTEGER NOT NULL,
     PRIMARY KEY (run_id, database)
   ) STRICT, WITHOUT ROWID;
CREATE TABLE events (
     run_id TEXT    NOT NULL,
     seq    INTEGER NOT NULL,
     type   TEXT    NOT NULL,
     at     INTEGER NOT NULL,
     data   TEXT    NOT NULL,
     PRIMARY KEY (run_id, seq)
   ) STRICT, WITHOUT ROWID;
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-f510-8003-ba14-db1ea1ef4dbb', 2, 'started', 4070952139000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-f510-8003-ba14-db1ea1ef4dbb', 3, 'heartbeat', 4070952139000, '{"message":"at work"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-fce0-8003-9b55-676e085b370a', 2, 'started', 4070952141000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-fce0-8003-9b55-676e085b370a', 3, 'heartbeat', 4070952141000, '{}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-fce0-8003-9b55-676e085b370a', 4, 'cancel_requested', 4070952142000, '{"by":"ops","reason":null,"until":"2099-01-01T13:02:20.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8003-9594-ff4a44eb9354', 2, 'attempt_started', 4070952146000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8003-9594-ff4a44eb9354', 3, 'attempt_answered', 4070952147000, '{"attempt":1,"outcome":"accepted","status":201,"durationMs":0,"reason":"answered 201","excerpt":"e99srusE1YkhJtuhKESo6J4meipTGa2R1WZPRYWikY5z3/zHF0mA6vMd","nextAttemptAt":null}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8003-9594-ff4a44eb9354', 4, 'started', 4070952147000, '{"cause":"delivery"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8003-9594-ff4a44eb9354', 5, 'cancel_requested', 4070952153000, '{"by":"ops","reason":"stop","until":"2099-01-01T13:02:33.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8003-9594-ff4a44eb9354', 6, 'stop_started', 4070952153000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8003-9594-ff4a44eb9354', 7, 'stop_answered', 4070952154000, '{"attempt":1,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:34.618Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8003-9594-ff4a44eb9354', 8, 'stop_started', 4070952155300, '{"attempt":2,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8003-9594-ff4a44eb9354', 9, 'stop_answered', 4070952155300, '{"attempt":2,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:37.270Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-2008-8003-a750-91b14ef2a386', 2, 'waiting', 4070952149000, '{"for":"time","until":"2099-01-08T13:02:28.000Z","notBefore":"2099-01-01T13:02:28.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-ae05-4727dae02eca', 2, 'released', 4070952150000, '{}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-ae05-4727dae02eca', 3, 'attempt_started', 4070952150000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-ae05-4727dae02eca', 4, 'attempt_answered', 4070952151000, '{"attempt":1,"outcome":"accepted","status":201,"durationMs":0,"reason":"answered 201","excerpt":"3yYwYtf6s8jpMyhvh3XZsIpjekESlMf4PkQgUvRZNrMou/xkV5lRKW36","nextAttemptAt":null}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-ae05-4727dae02eca', 5, 'started', 4070952151000, '{"cause":"delivery"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-27d8-8003-bf24-ea3ff4200c50', 2, 'waiting', 4070952151000, '{"for":"concurrency","until":"2099-01-08T12:02:31.000Z","group":"deploys","key":"shop"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-2bc0-8003-bcf2-149d17073aab', 2, 'waiting', 4070952152000, '{"for":"pause","until":"2099-01-08T12:02:32.000Z","group":"frozen","reason":"a release freeze"}');
CREATE TABLE deliveries (
     run_id           TEXT    PRIMARY KEY,
     host             TEXT    NOT NULL,
     sealed           BLOB    NOT NULL,
     start_on         TEXT    NOT NULL,
     max_attempts     INTEGER,
     initial_delay_ms INTEGER NOT NULL,
     ends_at          INTEGER NOT NULL,
     attempt          INTEGER NOT NULL,
     next_at          INTEGER,
     lease_until      INTEGER,
     is_unsure        INTEGER NOT NULL,
     unsure_attempts  INTEGER NOT NULL,
     weight           INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-2008-8003-a750-91b14ef2a386', 'ci.example.com', X'4DDC1B7C6EA78EEEC06296866512EF7DC42AFF350E372929AA172E0610356DF3D267E7F32178A6A4FCF359990A11B719548F634921788D092A070F81C82A2A6F91D399CD923889C7D3F5B0C910A2E11A43F6493D3BAAE4FB62FD188F0F9A7D7B288EF148C97ACFFED5BF7A0E328D593E97F612A7258EBD64BA80F6C6C89C92F71B6ED4057D8D0691CF429FD490ED68DD8FB51C582AA4BA2BA152CD611FCFFF1E9583061FB87C4B747ADA04A94D3147DF40D2D31795B5186B0AC371A17426F93A098AAF5B34F21061D140FBCB4F5E22F4FD5BA48DBD4C5562DF91F834E9649B1880C031AD14706025AFDB8B7BAB9FF2FA480C27EABBAFF1C40297629F47AAFBB3B232F14274A009611F99BEDCB29FDF54578B5EB3F255A2895C8650020A0681348642D7D2593B14ABC728AA0DF74B9DDADBB6179902DA82A926409E323DDB8CF88C2C5A8617F1A68EEDEE87251FF6BB73BE46C7BF57866F19BD43E23BB94972E9F76C979F587E3C2B73953A88DE97287A0C06C7591C430D1DCCDF91D55A79C1C3CBEA0F04298CDA83C798828459A9DD625D323057110271909EE61D384E55FF55DE856E1F405F80EA', 'accepted', NULL, 1000, 4070955749000, 0, NULL, NULL, 0, 0, 8381);
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-27d8-8003-bf24-ea3ff4200c50', 'ci.example.com', X'276B80175F9E84D73627E764B6B4B23CAFD210B60945F62B9CCA93B399E0A52008ABC0784A659F3AAAD9E34C61A5CA3007618668E41365AE7E7D9A7F8C53B86827CFEBC50501CA0C24164B065F14940F8DA70DF6E406759903A5287E53CA6E9F18775AAACA4DA9A606CA509E556E9F9A6A8C09C3780919936ADB9F8DF097F79145AB9B9A118131A1E663643FBDA790EDEC70E3CE0AD8E3B32C85F3615C657D7173865029BD108F4301847D892C72D17B27D8E4BA8BDFACC3BFC7398616C5CD8E32328B83E78C53CEFC2827F16F819ECCBF853DEF0B71C510994603E4F18B5752823D661F6D6CB301B5D283982256DB29E8B6FC816A93ADCA0C3CA064F904839A5D16261CFF7063E6D063F65712FCE5714028DD8F90B03DDC853161D81D60EB35DED274BFF18314A79EDB2D4BBE7BE76A3E335AE942154239D1164C055FA8959BCB58819508EEEAECCE4492EE2428B4D3EA24C72FC8B12B43A9E806D1D5BCD1644D206D77021B7DC22B52E2849A39258C4ADED163E30B90FF40B007CFEB468FBCC0408DA42030F93B467C6E091F6013AECEA8D4B7A3BB33CDD688B47378EE6DA95AA9FF983BCAE930', 'accepted', NULL, 1000, 4070955751000, 0, NULL, NULL, 0, 0, 8381);
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-2bc0-8003-bcf2-149d17073aab', 'ci.example.com', X'04BCFFB0FEA535A00A9040CFC043011811D21D71625B7F42018F6E9A5F71CE421315EBAED5EE8CD81AA1F4D971E955FA008C0686112417A74210F187D74586095FC83F4BEFE811311BC14F42ED6FE3020FA5D727210BD33F9128885EDF016F340ED0FFACB0D8472FB7A3E23FA7CDCF47C9231FE361266C728CCDD12C5A3860DBBEF47461C1434CB05A1F9D420E8C231ADA512C06FED8D399B2DFAF08DFD7EF7DC021C4CD742925A0157E5E8CE762242BC486760AE7B6649F3ECE86CAA277DCC76C946250CE3F17B22D58D0D03CBBA9C8A3AFA45FD4DDE25EE77927601A9304EB168B83C69ACD6167C9349F5A89D0852828F63367A1E323393E09767E68288249C841111F1D714B19BA7674CF50A564D82648C492842D759F1725136AA144F2276175D7FAC1E05320528AD46A19E7AEE4C93DA65B803A5B53DA8E4B9218BAD592A1EE8A2CDDF415DEFB0AB22FA210A8A05C090259C84B989EF9081C7B7CA4C4A3EB1F6D27F1DC0A89536143C49A34B9413169CDD683EB0E7A88B0C1B342CAFAB78BD133B062E85A8C14782755153BE5DD6A184422EB721A1DF3C66CA76D86F91419D6D8D939C11C28', 'accepted', NULL, 1000, 4070955752000, 0, NULL, NULL, 0, 0, 8381);
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '17');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/3');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
INSERT INTO "marks" (name, value) VALUES ('told_seq', '2');
CREATE TABLE ended_run_counts (
     id          INTEGER PRIMARY KEY CHECK (id = 1),
     counted_seq INTEGER NOT NULL,
     counts      TEXT    NOT NULL
   ) STRICT;
CREATE TABLE accepted_changes (
     run_id      TEXT    NOT NULL,
     key         TEXT    NOT NULL,
     fingerprint TEXT    NOT NULL,
     has_grace   INTEGER NOT NULL,
     accepted_at INTEGER NOT NULL,
     PRIMARY KEY (run_id, key)
   ) STRICT, WITHOUT ROWID;
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a7-fce0-8003-9b55-676e085b370a', 'm:03b3d7a8-04b0-72f0-b9ab-0778f8a445d3', '', 1, 4070952142000);
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-1450-8003-9594-ff4a44eb9354', 'm:03b3d7a8-2fa8-7446-a933-367214dd3e55', '', 1, 4070952153000);
CREATE TABLE stop_requests (
     run_id           TEXT    PRIMARY KEY,
     host             TEXT    NOT NULL,
     sealed           BLOB    NOT NULL,
     weight           INTEGER NOT NULL,
     max_attempts     INTEGER,
     initial_delay_ms INTEGER NOT NULL,
     attempt          INTEGER NOT NULL DEFAULT 0,
     next_at          INTEGER,
     lease_until      INTEGER,
     is_unsure        INTEGER NOT NULL DEFAULT 0,
     unsure_attempts  INTEGER NOT NULL DEFAULT 0,
     delivery_attempt INTEGER NOT NULL DEFAULT 0,
     delivery_lease   INTEGER,
     ends_at          INTEGER NOT NULL,
     due_at           INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-1450-8003-9594-ff4a44eb9354', 'ci.example.com', X'FF8E6F26DDFA0FDE49432014E5E0721B0E8A2E47775286A88B23476C058FC2C0B4F5741992F72C08558DFAFCA7E652B3F0FCD30E41D84DD1C512AA0FE3862A7CA8154C67ADD423DA4E757439878CE75BB7DA0D3AB52BE8D69B807B37F684F5FCA2AFD1697377FDA92EAB71F3D925F044823255518C5A882493222BC61A1EAB0727D9E1E2483FA696A40BFED1FB68C2E8F07503BE1BCBF86DFB9128FF3BAA73A24FBCDC033EB65AE6F7D0D11747F3416310105FFCAFE1CED901ED29998E', 71, NULL, 1000, 2, 4070952157270, NULL, 0, 0, 1, NULL, 4070958446000, 4070952157270);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-2008-8003-a750-91b14ef2a386', 'ci.example.com', X'C9B7E29E00846535D7CF0598B9E8DE1C8B239CFD778B7DB9D11DD90F4E011B5C8179A602F555AAE08E316757D4BD26807413DDB665E235FA2CE1C23140AF9ABCBC456297FF806F73218D8AF1851C594869A13D8872AE2F680EAC664DFEC440EE39611D1865BD96DDA9D10EEFA7E20A6B6EF7AB72DA0BB165C4775403D0C4F9CDDE80AB49FE43318B3AED09EB3F21C02CC25CBFF00FB608826E5CBD05844507226726020FF3C5C1DAED64D60EBBB733251025633B434F68BEFC3D26E56A', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071566848000, 4071566848000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-23f0-8003-ae05-4727dae02eca', 'ci.example.com', X'A5B8A04F775A2E4E703C998E8E30602465D44E2F491A2744C1724ABE05C6235362551B4EC5DE8AE4085000CED4B47C88E13B13E6E8DA2B99EDB42CCA4002399F554E02E353C1E927D38DF50C9C6F9B0597B1E572A3C3113843FEF48A433D63CF2E81C26B63EBA86925C149C513740D72983D00B1D645DBA090141B8984AD62608579ECFF99B9D55DFFED771EBD06C8CC906128515F75A6B33DE8EDF06BDF3192C9B59B8E5F8F4AC656F929144212D2799CF4D5DC8078D8BE75BBE85D7F', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 1, NULL, 4070956650000, 4070956650000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-27d8-8003-bf24-ea3ff4200c50', 'ci.example.com', X'BE7218F6BA68B18F0FBA400283A720EAD9EE1D9324EE4D3FE2918378E60D1B413DE5CC50B50D485E240D642FD7B8527A721C454A559116106CDE17BC332669AF0609CEBFEB9FA22300D79C9FDCC9BF99E0E74A0BBC097C16D7DB5275B50F33D7E6B416E336EAE7D80A4D3C58FAA452A6F14B50108AD651A3BF9F33D0600CAB11FBD7EC82D9A80C22235F63CFFA1CFB2FE3A2C0439876C2771A79D3732A54520A80D8F175C795D6FFAF0417A192C8B6DF5932BDB3D542D368087B0BA095', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071561451000, 4071561451000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-2bc0-8003-bcf2-149d17073aab', 'ci.example.com', X'8B4C09DE11CF686CCA9E15A47E552C47084D67E5ECC398A9649C701B7BBC31F50AAF611A9F0B2012B09B104245286393A0823D8DDDA9448D01D2C70E33D68080D226C71BA08B538DE5EE006682504C9B1302450816504A20207DC1160E328DBB3E3DCA174F5CE6E67A26C072C5708455ED2AC0DCFC61EF0C158AC03F45C3138CF6393705EFE4A3904FAD8D2A213CA2C3909024E209824A9EE3026D4B678452FA7275483C07FBAA47CC58ED55752EA1D8C298D87B80379C9A77000C38C5', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071561452000, 4071561452000);
CREATE INDEX stop_requests_due ON stop_requests (due_at);
CREATE INDEX stop_requests_waiting ON stop_requests (host, (attempt > 0), next_at, run_id)
     WHERE lease_until IS NULL AND next_at IS NOT NULL;
CREATE TABLE receiver_responses (
     run_id TEXT PRIMARY KEY,
     sealed BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "receiver_responses" (run_id, sealed) VALUES ('03b3d7a8-1450-8003-9594-ff4a44eb9354', X'019BFEF379F5D912FFB9088B159F45E5D57A932A6F29FD2841C53AA28F2DD2E2B194F2F5CD443CA20B4049BD');
INSERT INTO "receiver_responses" (run_id, sealed) VALUES ('03b3d7a8-23f0-8003-ae05-4727dae02eca', X'F7B122E20B9E618749EBE38759388A47E5C970D4841440F2D41351EB86958A521E9EAFB9DAACAAC03EDFBB5C');
CREATE TABLE messages (
     endpoint        TEXT    NOT NULL,
     run_id          TEXT    NOT NULL,
     kind            TEXT    NOT NULL,
     type            TEXT    NOT NULL,
     state           TEXT    NOT NULL,
     previous_status TEXT,
     is_resend       INTEGER NOT NULL,
     weight          INTEGER NOT NULL,
     attempt         INTEGER NOT NULL,
     next_at         INTEGER,
     lease_until     INTEGER,
     expires_at      INTEGER NOT NULL,
     due_at          INTEGER NOT NULL,
     attempts        TEXT    NOT NULL,
     PRIMARY KEY (endpoint, run_id, kind)
   ) STRICT, WITHOUT ROWID;
INSERT INTO "messages" (endpoint, run_id, kind, type, state, previous_status, is_resend, weight, attempt, next_at, lease_until, expires_at, due_at, attempts) VALUES ('chat@1', '03b3d7a6-1880-8003-a9d5-b4ca0f4739d9', 'ended', 'action_run.failed', 'waiting', 'failed', 0, 1028, 2, 4070952408451, NULL, 4071560400000, 4070952408451, '[{"at":4070952139000,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null},{"at":4070952155300,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null}]');
CREATE INDEX messages_due ON messages (endpoint, (state = 'waiting'), due_at, run_id, kind);
CREATE TABLE endpoint_health (
     endpoint      TEXT    PRIMARY KEY,
     version       INTEGER NOT NULL,
     failures      INTEGER NOT NULL,
     failing_since INTEGER,
     failed_days   TEXT    NOT NULL,
     succeeded_at  INTEGER
   ) STRICT, WITHOUT ROWID;
INSERT INTO "endpoint_health" (endpoint, version, failures, failing_since, failed_days, succeeded_at) VALUES ('chat@1', 1, 2, 4070952139000, '[47117]', NULL);
CREATE TABLE recoveries (
     endpoint   TEXT    PRIMARY KEY,
     since      INTEGER NOT NULL,
     until      INTEGER,
     include    TEXT    NOT NULL,
     before_seq INTEGER NOT NULL,
     messages   INTEGER NOT NULL,
     is_over    INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
CREATE TABLE retries (
     run_id TEXT NOT NULL,
     key    TEXT NOT NULL,
     PRIMARY KEY (run_id, key)
   ) STRICT, WITHOUT ROWID;
CREATE TABLE bulk_operations (
     id           TEXT    PRIMARY KEY,
     create_key   TEXT    NOT NULL UNIQUE,
     fingerprint  TEXT    NOT NULL,
     bulk_order   TEXT    NOT NULL,
     state        TEXT    NOT NULL,
     abort_reason TEXT,
     matched      INTEGER NOT NULL DEFAULT 0,
     accepted     INTEGER NOT NULL DEFAULT 0,
     skipped      INTEGER NOT NULL DEFAULT 0,
     failed       INTEGER NOT NULL DEFAULT 0,
     below        TEXT,
     next_seq     INTEGER NOT NULL DEFAULT 0,
     round        INTEGER NOT NULL DEFAULT 1,
     created_at   INTEGER NOT NULL,
     completed_at INTEGER,
     stopped_by   TEXT,
     changed_runs TEXT    NOT NULL DEFAULT '[]',
     ended        TEXT,
     is_audited   INTEGER NOT NULL DEFAULT 0,
     is_over      INTEGER NOT NULL DEFAULT 0
   ) STRICT, WITHOUT ROWID;
CREATE INDEX bulk_operations_open ON bulk_operations (id) WHERE is_over = 0;
CREATE INDEX bulk_operations_by_end ON bulk_operations (completed_at) WHERE is_over = 1;
CREATE TABLE bulk_pages (
     bulk_id   TEXT    NOT NULL,
     n         INTEGER NOT NULL,
     undecided INTEGER NOT NULL,
     items     TEXT    NOT NULL,
     PRIMARY KEY (bulk_id, n)
   ) STRICT, WITHOUT ROWID;
