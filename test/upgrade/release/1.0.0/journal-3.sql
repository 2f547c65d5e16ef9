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
     withdrawn_at         INTEGER,
     rejected_by          TEXT,
     ready_seq            INTEGER,
     slot_until           INTEGER,
     grace_until          INTEGER,
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
     external_url_changes INTEGER NOT NULL,
     failed_attempt       TEXT
   ) STRICT;
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396955496463833, '03b3d7a6-04f8-8003-9eec-e6243ad0eabf', 3, 3, 'succeeded', 'deploy', '0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11', 'root', 4070952011000, 4070952012000, 4070952012000, 4070955611000, 4073544012000, 4073544012000, 0, 4070952012000, 1119, 'm:03b3d7a6-04f8-7c46-bb27-dfcb045058ae', '', NULL, 'm:03b3d7a6-08e0-7c11-976e-d495e2061bc5', '', NULL, 4070952012000, 'callback', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["night","team:shop"]', '{"version":"1.4.2","replicas":3}', '{"rollback":"1.4.1"}', NULL, '{"url":"https://shop.example","n":[1,null]}', 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'https://ci.example.com/1', 1, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959625217969, '03b3d7a7-f128-8003-83d8-b99e45e7ebc5', 1, 4, 'pending', 'deploy', NULL, 'ops', 4070952137000, NULL, NULL, 4070955737000, 4073547737000, 4070955737000, 0, 4070952137000, 1028, 't:03b3d7a5-da00-7346-be7d-ba4d93ecbf99:retry-1', 'a805b496b51a932f48cbd04566b6bc8e0e3dda92b3f3dda76be7de9c6ac6f4e5', NULL, NULL, NULL, NULL, 4070952137000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, '03b3d7a6-0cc8-8001-b158-345bf4cebc66', NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959657986479, '03b3d7a7-f510-8003-84d7-a601ba85b07b', 2, 6, 'running', 'watch', NULL, 'root', 4070952138000, 4070952139000, NULL, 4070988138000, 4073580138000, 4070955739000, 0, 4070952139000, 1028, 'm:03b3d7a7-f510-7ce2-bf53-c701718d27c2', '', NULL, 'm:ad78ea3e-3ee3-42d9-a425-1a92a4efdd4e', '', 3600000, 4070952139000, NULL, NULL, 36000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959821845538, '03b3d7a8-0898-8003-aa11-7e6f018064b0', 1, 7, 'pending', 'deploy', NULL, 'root', 4070952143000, NULL, NULL, 4070957543000, 4073549543000, 4070957543000, 0, 4070952143000, 1028, 'm:03b3d7a8-0898-7ddb-811f-c39ccf8a5ee1', '', NULL, NULL, NULL, NULL, 4070952143000, NULL, NULL, 5400000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959854603705, '03b3d7a8-0c80-8003-96dc-fe32481507fe', 1, 8, 'pending', 'deploy', NULL, 'root', 4070952144000, NULL, NULL, 4070955744000, 4073547744000, 4070955744000, 0, 4070952144000, 1028, 't:root:create-1', 'c50cd5ffc3032da546fd9d222f60548e0139d83c16361ad97ca80b4ece291222', NULL, NULL, NULL, NULL, 4070952144000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959952903532, '03b3d7a8-1838-8003-8eb6-5545e4a85b48', 2, 10, 'pending', 'flaky', NULL, 'ci', 4070952147000, NULL, NULL, 4070955747000, 4073547747000, 4070952156686, 0, 4070952148000, 1044, 'm:03b3d7a8-1838-7887-8545-43c61abe8117', '', NULL, 'm:871235b7-915c-42ba-8730-cc4800abf75e', '', NULL, NULL, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952008000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '{"attempt":1,"at":4070952148000,"reason":"down.example.com answered 503","nextAt":4070952148874}');
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396960051209438, '03b3d7a8-23f0-8003-926f-1afe60eb1c62', 2, 12, 'running', 'queue', NULL, 'ci', 4070952150000, 4070952151000, NULL, 4070955750000, 4073547750000, 4070955750000, 0, 4070952151000, 1044, 'm:03b3d7a8-23f0-718d-bb36-4009642bad3d', '', NULL, 'm:01b4dad6-73f9-4501-a570-cb58bb550a18', '', NULL, 4070952151000, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"deploys","key":"shop","limit":1,"onConflict":"queue"},"waitUntil":4071556950000,"creator":{"tokenId":"03b3d7a5-da00-74e8-9ecc-0933c70131b9","tokenName":"ci","parents":["03b3d7a5-da00-7346-be7d-ba4d93ecbf99"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', NULL, NULL, NULL, 4070952150000, NULL, NULL, NULL, 11, NULL, NULL, 'deploys', 'shop', 'holding', '03b3d7a5-da00-74e8-9ecc-0933c70131b9', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952006000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396960083977669, '03b3d7a8-27d8-8003-92e2-a4693adc91b3', 1, 13, 'pending', 'queue', NULL, 'ci', 4070952151000, NULL, NULL, 4071560551000, 4074152551000, 4071556951000, 0, 4070952151000, 1044, 'm:03b3d7a8-27d8-7d2a-ad6b-33e6a780ed82', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"deploys","key":"shop","limit":1,"onConflict":"queue"},"waitUntil":4071556951000,"creator":{"tokenId":"03b3d7a5-da00-74e8-9ecc-0933c70131b9","tokenName":"ci","parents":["03b3d7a5-da00-7346-be7d-ba4d93ecbf99"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'concurrency', 4070952151000, NULL, NULL, NULL, NULL, NULL, 13, NULL, NULL, 'deploys', 'shop', 'waiting', '03b3d7a5-da00-74e8-9ecc-0933c70131b9', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952006000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396960116762964, '03b3d7a8-2bc0-8003-b4aa-0970c3438134', 1, 14, 'pending', 'freeze', NULL, 'ci', 4070952152000, NULL, NULL, 4071560552000, 4074152552000, 4071556952000, 0, 4070952152000, 1044, 'm:03b3d7a8-2bc0-7bb4-84db-e65e9eaf9377', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"frozen","key":"","limit":1,"onConflict":"queue"},"waitUntil":4071556952000,"creator":{"tokenId":"03b3d7a5-da00-74e8-9ecc-0933c70131b9","tokenName":"ci","parents":["03b3d7a5-da00-7346-be7d-ba4d93ecbf99"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'pause', 4070952152000, 'a release freeze', NULL, NULL, NULL, NULL, 14, NULL, NULL, 'frozen', '', 'waiting', '03b3d7a5-da00-74e8-9ecc-0933c70131b9', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952007000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
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
     is_unsure   INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (slot_group, action_name)
   ) STRICT, WITHOUT ROWID;
INSERT INTO "slot_limits" (slot_group, action_name, version, max_holders, is_unsure) VALUES ('deploys', 'queue', 4070952006000, 1, 0);
INSERT INTO "slot_limits" (slot_group, action_name, version, max_holders, is_unsure) VALUES ('frozen', 'freeze', 4070952007000, 1, 0);
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
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8003-9eec-e6243ad0eabf', 2, 'started', 4070952012000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8003-9eec-e6243ad0eabf', 3, 'heartbeat', 4070952012000, '{"message":"half way ☃","progress":0.5,"externalUrl":"https://ci.example.com/1"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8003-9eec-e6243ad0eabf', 4, 'ended', 4070952012000, '{"status":"succeeded","cause":"callback"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-f510-8003-84d7-a601ba85b07b', 2, 'started', 4070952139000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-f510-8003-84d7-a601ba85b07b', 3, 'heartbeat', 4070952139000, '{"message":"at work"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8003-8eb6-5545e4a85b48', 2, 'attempt_started', 4070952147000, '{"attempt":1,"host":"down.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8003-8eb6-5545e4a85b48', 3, 'attempt_answered', 4070952148000, '{"attempt":1,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:28.874Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8003-8eb6-5545e4a85b48', 4, 'attempt_started', 4070952155300, '{"attempt":2,"host":"down.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8003-8eb6-5545e4a85b48', 5, 'attempt_answered', 4070952155300, '{"attempt":2,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:36.686Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-926f-1afe60eb1c62', 2, 'released', 4070952150000, '{}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-926f-1afe60eb1c62', 3, 'attempt_started', 4070952150000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-926f-1afe60eb1c62', 4, 'attempt_answered', 4070952151000, '{"attempt":1,"outcome":"accepted","status":201,"durationMs":0,"reason":"answered 201","excerpt":"oFsgmfD7MfGafMrHbhEB0aSwodoH0aavuUyL/c9Nxcy0RZuORBIV7+eq","nextAttemptAt":null}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-926f-1afe60eb1c62', 5, 'started', 4070952151000, '{"cause":"delivery"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-27d8-8003-92e2-a4693adc91b3', 2, 'waiting', 4070952151000, '{"for":"concurrency","until":"2099-01-08T12:02:31.000Z","group":"deploys","key":"shop"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-2bc0-8003-b4aa-0970c3438134', 2, 'waiting', 4070952152000, '{"for":"pause","until":"2099-01-08T12:02:32.000Z","group":"frozen","reason":"a release freeze"}');
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
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-1838-8003-8eb6-5545e4a85b48', 'down.example.com', X'7F9EE3C762A6B8F46F831A22399DF91E570FB1DC369D247FA12A964CBF260630C12F8044F34503080ADB5D244C5BD5EA3FC9790D9B8493E725F46FE9F8CA8DB12CCB8D6CECEC77E4CAA1C95794465169279E13A5A654AD0E131D4EC662A4F57D5E4EC14F08745EC6920D3AC4F88C33BB92BAB9946516DE70DA54375208D1B498106E10AE16353688E4BEDFF0E2A3289D0942B1B82733EE4930A6DBE3F529113D0B056B4E2DCAAA68D607D90BDFAF100E2FD6716F334761CC569B3A7102FFBF5BACBFF0D7E4EDEB7A09E844BE3922931553C55357E0BFE69185F5D3C13B2AF0DBB6539FE887E75BFD3A1A1C81DD4CE872CF451C339741F7D1019361257912C9EC685195A3BD8BEBE0D231028DC371348183FB53CDBB212464DA7C4CADDF6476B805EFBEDF306D8D4014B389D1F0F5DE9296EB454498A427208D0630FF8BEC5FD218615B2AABAFF4A4AABED5596AB6376921EC025082669C842173FB371B7BA1EB4B81651F8445A3CCFA9A8E0AC6B8CF3B8F12FF3F7BB97B431B1F0246739BCE50CD3E592037E251D84E564527B3D2B0733A468228765FFEB122BB5BF44BE710B5A076984E26B7A3B025BF970CC7C0ECCBA910C82836D2497DCE3441F6BF9B7E58C2952AAC1C9C3AFA8435E406D447F92C6518145819915A129E7AD7768B4D2F0BCABDDF29596CB3F2A783ECD619F323EE1B4E6F97C792A9AA190B3A57AF181F0A8543B2719151DF0DEF43CD9EA0A252622ECB007DE2F9641D96D122BDA9645F8F380D70C10EC4C516758BEB9CBBFEC695D462930D3A4FFF4B9164E68D137668D8F8917F39C025C31966746CEC39400F98C0305964D476946EDA2A2E71212462A6481BA4BBEBEAFE753CB7600AA185B8C07F6CE9D7EE9F40940516B668B5A6C8A389A3B3840708AF6429C32C9DBA3D30FBC3A840E870DDB12D3E7AA0C45AA55D3AFA215B6EB44D13948FA78FC2495F266968007A9780CB49C2064B203542EACFB5A253BCB7D6D0F205732716B1AC2F0D740310D87230E7207EB2CA32F95CC8231C65E4EAB2A36707053A7A7B91B87E2FF8A2ED6A4C216E120BDC4847632DB89FDD5A7217B1B99CE3BF4AEEC9A89B2ED764EBF9B9231399535B9BDEF9B5', 'accepted', NULL, 1000, 4070953947000, 2, 4070952156686, NULL, 0, 0, 4682);
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-27d8-8003-92e2-a4693adc91b3', 'ci.example.com', X'1C96E750FBA5692EC5C0300FD165138D08FEDEEFD7A416D5EB5B3DBD4BFAE28F8CFD29F0940CEC5729CE5D08AD76811F54609D32D01051F704ADF5E5E43A6EBD6FDBB133BD46B3502BF7896834905A2A9389325E8A24E23923C103C03740C336B358669EA1AC9B2278C60F12137FE48F6A806966E1E851FC7072B94E896E4508FE85242E7C133FA231E9DEC9F59C1C6A8213F55C6792977AC8CA75746EE66495B8611CB4B393143AAF52C28E384B7ED649BF7E736FF7D4D53011D044B11100C5BCC5C9C74A7DCEC06019AF8731A43C4E348DBDF4FBE5F0EE8E1499D08CB884BD5B8412580D74EA3B02E0AB3F5F5FBB97777996FBC1788D89A7974982B176A507347923B2A28CD94B3BDC47F6BFB735D732DDCAF221FF0FDA731D55781EA5D58C07FBAA63150963D188CF90EED2D56CF627C5797A050D8D74243BE40550F33A1DC6AFE3B84AE361921B534C337ACCB58933279C4BC9C083643FDD40ED4C5BA43DC5704A8168812F24056425B51D8D0CD8A35FDB40DEE31F929C10449BB3D626DFAA89EBEFE7421C6EA864A5D724DF5E0668453697560C7EE253788CF39D17BCEC1EEFA91618C3C5BA', 'accepted', NULL, 1000, 4070955751000, 0, NULL, NULL, 0, 0, 8381);
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-2bc0-8003-b4aa-0970c3438134', 'ci.example.com', X'D8EE405C5B47B690FBAB3A60E8164422AFDAD5859CD89C8537E8B4341F1A539F29E1EC8E1A0F44AD23ED50274D0773DBF99116D4F2DA05A599A3F43AC0480CB6A39DC681E04CD2D56288526876BFD8369BC2F0E951BAF4CCF41240201D58DAB5A666A0B546C1390BBBAB9A1278AE58207ABAB7FBC5FF717EEE3979843BCC651C85F59CD057C7DAABC358D667591AB4E12B640D25134248312677E721F21C52D3372C1BA5698D341D6F9E92FC6A0177E5B82B7FE9B7BDDD11D36FAD1950AFC04B928C6B83A6CF21F1089878B06DB5BDA2D998060C55445D5AE24BED8DDA526DB2DB4984D43E1562092D11E0CC002BF83EEA5D7DDD6AB26317629374A870A8633975991370C8F34AFCBF0359DBCA4413AEFD5608F82A12338CF26EC293F7C515A43F9F5DAEEE8FD62941E923BD7A2E8EA604FB5DA568115D28B452E0A823E4A5ED70E80CCAC067999ACF22758C6CE75510A6239615EA18F0D412F31D2D1651094852EDCEE696540909BC371D15D0D93B42D0D1667E2424149C744E4E2557AA5E1E02D71252803FBA1002989851BE2B17F3F0B86FD93614F7135158045681C320CCFA1B921EE1AC8C6D', 'accepted', NULL, 1000, 4070955752000, 0, NULL, NULL, 0, 0, 8381);
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '14');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/3');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
INSERT INTO "marks" (name, value) VALUES ('told_seq', '14');
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
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-23f0-8003-926f-1afe60eb1c62', 'ci.example.com', X'B279B71C139CEB7311C178FEFFBE375E636CD987909418DFD9038C82BD6746D80901D9457BF1D698CB0A7DE9EEFF435747ABC65AE9F268704CA394B753D81B5E296E4E7EA1D2EA8DF4371CE5DFA669A7CDA4DDED45C8D23152F98E53BB41CCE2D78E742CDFE669F2F135C1BF05EAB7B2BA8AD9BD81D3569D8E6AA2764F8733E1CCA926BD0238AEDF6F5812A138675C8D78498375597109BBBA376E73B7DB0AB173ABE90D6A7A011441EC6756810183275D46B05C334672E2D3DF8EB58A', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 1, NULL, 4070956650000, 4070956650000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-27d8-8003-92e2-a4693adc91b3', 'ci.example.com', X'7C684E1B7022006FA49D0480CE727B2C4EFD815EC7D5A3B630683769F3DE49B7CB7E82DC0D727A685634BF7399965F53EBEFDCE9DE6FDAB3932ADE1DFF946A2BC556005E47518B164C9444B7EC03E5CC763CDB4836C3BA4CD662E92EB3A1A677D72123DAA04CEE5E827CD1A2F0C05AAEC04A6EF238AE2BB1FD36DDFB0D6AEEBC168B0290B9A3FBD229B83136D319A91A69665A0200DCB6E36162540B24E10BBAACD9B645F5C244B5815494A9199F945022A172899BE6ECA2C3417352D0', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071561451000, 4071561451000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-2bc0-8003-b4aa-0970c3438134', 'ci.example.com', X'A4D03D77D8CCA9084382EF9F29D19765321E0CE9C15774FEF13DED244539B2770D732035A3935728520271D78953E51F4FB2ABE4F410AF52EB59EFAACD6EB08B1846BB9494D0595F04F9ECA3D18464EDA2CF189275834FBCA9E7F4762A70B6160DFE277745B639EEA30F9B1034C08083B623731527E5DC55A80A5D906C6EEAFF8CE8CE623BB358DE1D875BC273CE970720E7439AC97E6FA450BEA6032142DA5D024D85E08D8A17D2876E38485857065298889D8976DD244B0F5A82C321', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071561452000, 4071561452000);
CREATE INDEX stop_requests_due ON stop_requests (due_at);
CREATE INDEX stop_requests_waiting ON stop_requests (host, (attempt > 0), next_at, run_id)
     WHERE lease_until IS NULL AND next_at IS NOT NULL;
CREATE TABLE receiver_responses (
     run_id TEXT PRIMARY KEY,
     sealed BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "receiver_responses" (run_id, sealed) VALUES ('03b3d7a8-23f0-8003-926f-1afe60eb1c62', X'F6EB4C8B014E4BD4F3D9EBE857B3F90FFEB00B6376996CD1D49629CA073B9E7594DFEDC91F7AB1C7890DA1BC');
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
INSERT INTO "messages" (endpoint, run_id, kind, type, state, previous_status, is_resend, weight, attempt, next_at, lease_until, expires_at, due_at, attempts) VALUES ('chat@4070952010000', '03b3d7a6-04f8-8003-9eec-e6243ad0eabf', 'ended', 'action_run.succeeded', 'waiting', NULL, 0, 1119, 1, 4070952159175, NULL, 4071560400000, 4070952159175, '[{"at":4070952155100,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null}]');
CREATE INDEX messages_due ON messages (endpoint, (state = 'waiting'), due_at, run_id, kind);
CREATE TABLE endpoint_health (
     endpoint      TEXT    PRIMARY KEY,
     version       INTEGER NOT NULL,
     failures      INTEGER NOT NULL,
     failing_since INTEGER,
     failed_days   TEXT    NOT NULL,
     succeeded_at  INTEGER
   ) STRICT, WITHOUT ROWID;
INSERT INTO "endpoint_health" (endpoint, version, failures, failing_since, failed_days, succeeded_at) VALUES ('chat@4070952010000', 4070952010000, 1, 4070952155100, '[47117]', NULL);
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
