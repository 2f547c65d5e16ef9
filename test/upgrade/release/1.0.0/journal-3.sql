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
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396955496464737, '03b3d7a6-04f8-8003-a0b0-adf71479a98f', 3, 3, 'succeeded', 'deploy', '0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11', 'root', 4070952011000, 4070952012000, 4070952012000, 4070955611000, 4073544012000, 4073544012000, 0, 4070952012000, 1119, 'm:03b3d7a6-04f8-7b90-b07c-b06a75acf0f0', '', NULL, 'm:03b3d7a6-08e0-76f7-90b8-6528ea5602f2', '', NULL, 4070952012000, 'callback', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["night","team:shop"]', '{"version":"1.4.2","replicas":3}', '{"rollback":"1.4.1"}', NULL, '{"url":"https://shop.example","n":[1,null]}', 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'https://ci.example.com/1', 1, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396955594768883, '03b3d7a6-10b0-8003-a0f9-d94001725ba9', 2, 5, 'cancelled', 'deploy', NULL, 'root', 4070952014000, NULL, 4070952015000, 4070955614000, 4073544015000, 4073544015000, 0, 4070952015000, 1028, 'm:03b3d7a6-10b0-727e-a72f-1cb3170dbd43', '', NULL, 'm:03b3d7a6-1498-7edc-90af-f7fd8e594e42', '', NULL, 4070952014000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', 'wrong', 4070952015000, 4070952015000, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396955660307038, '03b3d7a6-1880-8003-a52f-19e55d720361', 2, 7, 'failed', 'deploy', NULL, 'root', 4070952016000, NULL, 4070952076000, 4070952076000, 4073544076000, 4073544076000, 0, 4070952136000, 1028, 'm:03b3d7a6-1880-7776-8743-51f15846f481', '', NULL, 'm:7852e116-514b-4e6d-b7f1-2434840b7712', '', NULL, 4070952016000, 'deadline', NULL, 60000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', '[timeout] No result was reported by 2099-01-01T12:01:16.000Z.', NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959625243560, '03b3d7a7-f128-8003-b5d4-6b16fdb34117', 1, 8, 'pending', 'deploy', NULL, 'ops', 4070952137000, NULL, NULL, 4070955737000, 4073547737000, 4070955737000, 0, 4070952137000, 1028, 't:03b3d7a5-da00-714e-bf07-83a5260e8437:retry-1', 'a4e8df159a4b55308b11302554110318498b34944969093312aafbd9d570593c', NULL, NULL, NULL, NULL, 4070952137000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, '03b3d7a6-0cc8-8000-8db2-7ccdcb19c8e0', NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959854622396, '03b3d7a8-0c80-8003-bb5e-5f9e5f90bd7e', 1, 9, 'pending', 'deploy', NULL, 'root', 4070952144000, NULL, NULL, 4070955744000, 4073547744000, 4070955744000, 0, 4070952144000, 1028, 't:root:create-1', 'c50cd5ffc3032da546fd9d222f60548e0139d83c16361ad97ca80b4ece291222', NULL, NULL, NULL, NULL, 4070952144000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396960051208353, '03b3d7a8-23f0-8003-9050-ab8489645e72', 2, 11, 'running', 'queue', NULL, 'ci', 4070952150000, 4070952151000, NULL, 4070955750000, 4073547750000, 4070955750000, 0, 4070952151000, 1044, 'm:03b3d7a8-23f0-7d5a-87fb-21c4f25b5e77', '', NULL, 'm:419aa1bc-ac31-4422-a8ea-5f20782ee853', '', NULL, 4070952151000, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"deploys","key":"shop","limit":1,"onConflict":"queue"},"waitUntil":4071556950000,"creator":{"tokenId":"03b3d7a5-da00-7917-af34-6f1b7e8c268e","tokenName":"ci","parents":["03b3d7a5-da00-714e-bf07-83a5260e8437"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', NULL, NULL, NULL, 4070952150000, NULL, NULL, NULL, 10, NULL, NULL, 'deploys', 'shop', 'holding', '03b3d7a5-da00-7917-af34-6f1b7e8c268e', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952006000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396960083969519, '03b3d7a8-27d8-8003-82f7-90ac05fb0024', 1, 12, 'pending', 'queue', NULL, 'ci', 4070952151000, NULL, NULL, 4071560551000, 4074152551000, 4071556951000, 0, 4070952151000, 1044, 'm:03b3d7a8-27d8-786b-8c0a-dd60fee6fafc', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"deploys","key":"shop","limit":1,"onConflict":"queue"},"waitUntil":4071556951000,"creator":{"tokenId":"03b3d7a5-da00-7917-af34-6f1b7e8c268e","tokenName":"ci","parents":["03b3d7a5-da00-714e-bf07-83a5260e8437"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'concurrency', 4070952151000, NULL, NULL, NULL, NULL, NULL, 12, NULL, NULL, 'deploys', 'shop', 'waiting', '03b3d7a5-da00-7917-af34-6f1b7e8c268e', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952006000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396960116744458, '03b3d7a8-2bc0-8003-9085-23f90ad05657', 1, 13, 'pending', 'freeze', NULL, 'ci', 4070952152000, NULL, NULL, 4071560552000, 4074152552000, 4071556952000, 0, 4070952152000, 1044, 'm:03b3d7a8-2bc0-7efc-9c30-35825bb60001', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"frozen","key":"","limit":1,"onConflict":"queue"},"waitUntil":4071556952000,"creator":{"tokenId":"03b3d7a5-da00-7917-af34-6f1b7e8c268e","tokenName":"ci","parents":["03b3d7a5-da00-714e-bf07-83a5260e8437"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'pause', 4070952152000, 'a release freeze', NULL, NULL, NULL, NULL, 13, NULL, NULL, 'frozen', '', 'waiting', '03b3d7a5-da00-7917-af34-6f1b7e8c268e', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952007000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396960215057956, '03b3d7a8-3778-8003-a312-5b021c3eb02d', 2, 15, 'cancelled', 'import', NULL, 'root', 4070952155000, NULL, 4070952155200, 4070955755000, 4073544155200, 4073544155200, 0, 4070952155200, 1028, 'm:03b3d7a8-3778-7218-af02-c2b3098c2d0c', '', NULL, 't:bulk:03b3d7a8-3778-7191-953b-3e04f7b2fe39:03b3d7a8-3778-8003-a312-5b021c3eb02d', '', NULL, 4070952155000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["bulk"]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', NULL, 4070952155200, 4070952155200, NULL, 0, NULL);
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
INSERT INTO "slot_limits" (slot_group, action_name, version, max_holders) VALUES ('deploys', 'queue', 4070952006000, 1);
INSERT INTO "slot_limits" (slot_group, action_name, version, max_holders) VALUES ('frozen', 'freeze', 4070952007000, 1);
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
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8003-a0b0-adf71479a98f', 2, 'started', 4070952012000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8003-a0b0-adf71479a98f', 3, 'heartbeat', 4070952012000, '{"message":"half way ☃","progress":0.5,"externalUrl":"https://ci.example.com/1"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8003-a0b0-adf71479a98f', 4, 'ended', 4070952012000, '{"status":"succeeded","cause":"callback"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-10b0-8003-a0f9-d94001725ba9', 2, 'ended', 4070952015000, '{"status":"cancelled","cause":"cancel","by":"ops","reason":"wrong"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-9050-ab8489645e72', 2, 'released', 4070952150000, '{}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-9050-ab8489645e72', 3, 'attempt_started', 4070952150000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-9050-ab8489645e72', 4, 'attempt_answered', 4070952151000, '{"attempt":1,"outcome":"accepted","status":201,"durationMs":0,"reason":"answered 201","excerpt":"D+TqSPcAeHdTam1voZvrFcC5C8hldVCyScROztl0cpPHxzWZcMRaqURy","nextAttemptAt":null}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-9050-ab8489645e72', 5, 'started', 4070952151000, '{"cause":"delivery"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-27d8-8003-82f7-90ac05fb0024', 2, 'waiting', 4070952151000, '{"for":"concurrency","until":"2099-01-08T12:02:31.000Z","group":"deploys","key":"shop"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-2bc0-8003-9085-23f90ad05657', 2, 'waiting', 4070952152000, '{"for":"pause","until":"2099-01-08T12:02:32.000Z","group":"frozen","reason":"a release freeze"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-3778-8003-a312-5b021c3eb02d', 2, 'ended', 4070952155200, '{"status":"cancelled","cause":"cancel","by":"ops"}');
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
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-27d8-8003-82f7-90ac05fb0024', 'ci.example.com', X'C6AFFEA7DCBE6982DF7885DAE2EE0CF2A94DDAC5780C69D91A02159A43DEDAFF3313B5B65D126E88500DC0386D7137F17034034E6BFC2F12FDE8CF2D3A69D31A18654CEBA2942FF3810AA32B4BC681EC3CB0FB3BB4FAD4846B3F52FCE287D633C0186A7C6840FA9828C66F6665683F1267B6A21DA2134B1865883D2F064A9CED00F95F13EA56A8A9B18581D31187958832D6765ADE5EC26B39A19401A80D90B47E2CFEF43217B18348AF13A6FBC70BFA0204BF8125B3D7398BBD0A9CC52D992ECC45D2EBD7A5D17828605E91E4493F9B8449AF5876296A8B9520CBF75862021EF10E1F9A6158CF2713DFB8D02466181F38F640EC59BBE3B5FF03C6C5DC4204A718C350D7A0183F568B8AE9CE38DF6F6DACF17D8B138BD8814249A3345DCEEF435E5EFBF1BF2792857341293E414D8CE6E96CE7553CEBBE883C60286D6D563CB5EFA3BCC37D6D4904304DF33F41E47A9D9283BBC9DF1C5DAFD49C5CE0B641115CD27682F90756646B268539B2347270CDB3E9DA37B94844E5834551C56AC5CA00278E37E6173F506D3305B969EBD53C78597F7CB7B4FDA2F2FDECA39796F13CDD5212036BD0841E6D', 'accepted', NULL, 1000, 4070955751000, 0, NULL, NULL, 0, 0, 8381);
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-2bc0-8003-9085-23f90ad05657', 'ci.example.com', X'57FB1162E9CBFD5A4854F9E19E6E547DAE6BA580805EFCEA08428F96FE12C071034C9CEC3151E95701EFC7405E4CA51AD0CC878CB1B5643B278DB45EA1235DD992B56050962BC29A29CCBA42556467E09776AEAB43E296B225C802B2FCEA7BCD6D74EDC0462ED5A619398A452C070CA3C3C6767FA5D302751C9986C5B7A0E8E4A3292209E91693F0745DAC5CAC68AD287A85EB0E036678DEDA3F7D3D697537A96AEC850971FAD912EF8C5E8B05D0F10393F912F89952792C82D9F1381C6AD7DE5FC752608C39D8CD97F0E0B5F5B63A5EE633575BDE0DB8DCB4CEBDF32DBAE69277E87232619E0EB8A15B548B7EA435034DB58A40F7793A98E0D90DD26F43C7B8885A1D71C4E70FD84ED31207E56C0E23C0E599DE80CDEAAF6F3FF3B41C24B6F8910AF8DEA80A03CD151578A5CD00517F589DEB44ACE54E69141617686DD5927B525300D61602B44ED731BDA7D8288AF42342E98E1540B49AEE0520690F98B70B6F6A17D10E074BA4B74D955D6329CFFC33787485CB627FB2C9CD7041B02EC1D699152D67EFB82083AFCB124DDFC754652D2CF849961673CEBE5C6FC9278BC404484478CEDADE6884', 'accepted', NULL, 1000, 4070955752000, 0, NULL, NULL, 0, 0, 8381);
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '14');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/3');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
INSERT INTO "marks" (name, value) VALUES ('repair_at', '4070952160300');
INSERT INTO "marks" (name, value) VALUES ('told_seq', '15');
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
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a6-10b0-8003-a0f9-d94001725ba9', 'm:03b3d7a6-1498-7edc-90af-f7fd8e594e42', '', 0, 4070952015000);
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-3778-8003-a312-5b021c3eb02d', 't:bulk:03b3d7a8-3778-7191-953b-3e04f7b2fe39:03b3d7a8-3778-8003-a312-5b021c3eb02d', '', 0, 4070952155200);
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
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-23f0-8003-9050-ab8489645e72', 'ci.example.com', X'18DE47CA017ED64B6110F51122A970B69D3C6D5B12D9AC24FD4163287DE1893DC63BC3789DBEE4ED724BA58E56146907A88BBCA7462761ADFEBC9F589FA7FFBC5BF3F71F2B5E11145BADF1CA65A1DBAF8AF446DF682D8F08AAC93E703D65E5BAC9050DB87CD9202EF072DE2D140F0A9B8E1D934AD63EE795D7866CF7F325F57B6260714F6E8F2FF3FEDCACE4AB6B327D6DB5BB2EC4C1A508C4A577AD1EED1E977FCC93CBCE5BBB154DE13ECBA0CF7FC5291A39B6F3E0417C9E786F21FB', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 1, NULL, 4070956650000, 4070956650000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-27d8-8003-82f7-90ac05fb0024', 'ci.example.com', X'0A38D4D37675C6006190C84E6AEF874C41C9CAB2FE24D24B92DDCD008A49886E027273D4C7F6761C51803FFE21E05134A1AC3D51FC8FD83C9D4B5C44FE4ABD0009D1ED18C7EF58960E1805CCE66DE920E859C5F846E15AED2A2A3C2781844B7D245706F22F9D7B3279008D2CA5BC210D043D60D6B3CF0886CE7E57237A114F13F4DEC2F56A493156C5D1F07B1574CAB2A2454FE2771021B74473B15655FBF2CD08B7D7DEA3878D0B722A539F58938DDDB919A5E07D857DBC64BA9C5E82', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071561451000, 4071561451000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-2bc0-8003-9085-23f90ad05657', 'ci.example.com', X'B182DC8C50A03C8717DDA9C1E610352488ED97AFAA1AC43C9B05FFC85A7EC708CB44B226D4F963083C0C6C7581F207B95A27BEF685797E7DA612400EBCB7748C660A21F37474841A6C44FF0D11ADE2B1AD12AB12E56B05D531F944AB61924DA6A5003199EE7327DDB814144E25DC2EB64D52D5EB6723F4D05EAC373004FE9C4A39E3297F17C6A34155D677895E07B57A0C60383A4D645CAF76DED9C6DF02B69768A54713A0E1FD0CDF2BB5F50AF7B14D7FEAE49FB2E8F1B8362CFF21ED', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071561452000, 4071561452000);
CREATE INDEX stop_requests_due ON stop_requests (due_at);
CREATE INDEX stop_requests_waiting ON stop_requests (host, (attempt > 0), next_at, run_id)
     WHERE lease_until IS NULL AND next_at IS NOT NULL;
CREATE TABLE receiver_responses (
     run_id TEXT PRIMARY KEY,
     sealed BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "receiver_responses" (run_id, sealed) VALUES ('03b3d7a8-23f0-8003-9050-ab8489645e72', X'A2FFFB0724D0DB678EB75A20C198E82740C5D46FF1C344C4392C495190E8D2BCA156028B32C8BDE823EB0EE1');
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
INSERT INTO "messages" (endpoint, run_id, kind, type, state, previous_status, is_resend, weight, attempt, next_at, lease_until, expires_at, due_at, attempts) VALUES ('chat@4070952010000', '03b3d7a6-04f8-8003-a0b0-adf71479a98f', 'ended', 'action_run.succeeded', 'waiting', NULL, 0, 1119, 2, 4070952401434, NULL, 4071560400000, 4070952401434, '[{"at":4070952139000,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null},{"at":4070952155300,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null}]');
INSERT INTO "messages" (endpoint, run_id, kind, type, state, previous_status, is_resend, weight, attempt, next_at, lease_until, expires_at, due_at, attempts) VALUES ('chat@4070952010000', '03b3d7a6-1880-8003-a52f-19e55d720361', 'ended', 'action_run.failed', 'waiting', 'failed', 0, 1028, 2, 4070952474097, NULL, 4071560400000, 4070952474097, '[{"at":4070952140000,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null},{"at":4070952155300,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null}]');
CREATE INDEX messages_due ON messages (endpoint, (state = 'waiting'), due_at, run_id, kind);
CREATE TABLE endpoint_health (
     endpoint      TEXT    PRIMARY KEY,
     version       INTEGER NOT NULL,
     failures      INTEGER NOT NULL,
     failing_since INTEGER,
     failed_days   TEXT    NOT NULL,
     succeeded_at  INTEGER
   ) STRICT, WITHOUT ROWID;
INSERT INTO "endpoint_health" (endpoint, version, failures, failing_since, failed_days, succeeded_at) VALUES ('chat@4070952010000', 4070952010000, 4, 4070952139000, '[47117]', NULL);
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
