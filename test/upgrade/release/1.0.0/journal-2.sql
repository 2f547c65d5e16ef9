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
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396955594773411, '03b3d7a6-10b0-8002-a9d1-97ed060fe59f', 2, 2, 'cancelled', 'deploy', NULL, 'root', 4070952014000, NULL, 4070952015000, 4070955614000, 4073544015000, 4073544015000, 0, 4070952015000, 1028, 'm:03b3d7a6-10b0-7f33-be25-3a2e1a28e25e', '', NULL, 'm:03b3d7a6-1498-756c-aacd-2fba0a3e7d6d', '', NULL, 4070952014000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', 'wrong', 4070952015000, 4070952015000, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959658008517, '03b3d7a7-f510-8002-afe2-e1f746e8d48f', 2, 4, 'running', 'watch', NULL, 'root', 4070952138000, 4070952139000, NULL, 4070988138000, 4073580138000, 4070955739000, 0, 4070952139000, 1028, 'm:03b3d7a7-f510-7a52-8454-d5fbde4ebc23', '', NULL, 'm:fe832d68-e9d1-44e0-a1b5-112658c18c0c', '', 3600000, 4070952139000, NULL, NULL, 36000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959723525412, '03b3d7a7-fce0-8002-8a92-0e55e9a23dbd', 3, 7, 'running', 'watch', NULL, 'root', 4070952140000, 4070952141000, NULL, 4070955740000, 4073547740000, 4070955740000, 0, 4070952142000, 1028, 'm:03b3d7a7-fce0-7d65-b30c-22862086b37c', '', NULL, 'm:03b3d7a8-04b0-7e44-8451-3a6d03623f0d', '', NULL, 4070952141000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', NULL, 4070952142000, 4070955740000, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959920134745, '03b3d7a8-1450-8002-8d2c-bfc88f75a84d', 3, 10, 'running', 'ship', NULL, 'ci', 4070952146000, 4070952147000, NULL, 4070957546000, 4073549546000, 4070955753000, 0, 4070952153000, 1044, 'm:03b3d7a8-1450-7980-b8e3-b10f3a1489f5', '', NULL, 'm:03b3d7a8-2fa8-7c2a-9f32-ee216c753453', '', NULL, 4070952147000, NULL, NULL, 5400000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["team:shop"]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 2, NULL, NULL, 'ops', 'stop', 4070952153000, 4070955753000, NULL, 0);
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
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-10b0-8002-a9d1-97ed060fe59f', 2, 'ended', 4070952015000, '{"status":"cancelled","cause":"cancel","by":"ops","reason":"wrong"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-f510-8002-afe2-e1f746e8d48f', 2, 'started', 4070952139000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-f510-8002-afe2-e1f746e8d48f', 3, 'heartbeat', 4070952139000, '{"message":"at work"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-fce0-8002-8a92-0e55e9a23dbd', 2, 'started', 4070952141000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-fce0-8002-8a92-0e55e9a23dbd', 3, 'heartbeat', 4070952141000, '{}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-fce0-8002-8a92-0e55e9a23dbd', 4, 'cancel_requested', 4070952142000, '{"by":"ops","reason":null,"until":"2099-01-01T13:02:20.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-8d2c-bfc88f75a84d', 2, 'attempt_started', 4070952146000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-8d2c-bfc88f75a84d', 3, 'attempt_answered', 4070952147000, '{"attempt":1,"outcome":"accepted","status":201,"durationMs":0,"reason":"answered 201","excerpt":"nLSPb5lpiaOaRV69NPom5fgbRbwfap2GNpqg2iYQ5lB3FUmQjDsDsPXk","nextAttemptAt":null}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-8d2c-bfc88f75a84d', 4, 'started', 4070952147000, '{"cause":"delivery"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-8d2c-bfc88f75a84d', 5, 'cancel_requested', 4070952153000, '{"by":"ops","reason":"stop","until":"2099-01-01T13:02:33.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-8d2c-bfc88f75a84d', 6, 'stop_started', 4070952153000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-8d2c-bfc88f75a84d', 7, 'stop_answered', 4070952154000, '{"attempt":1,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:34.625Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-8d2c-bfc88f75a84d', 8, 'stop_started', 4070952155300, '{"attempt":2,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-8d2c-bfc88f75a84d', 9, 'stop_answered', 4070952155300, '{"attempt":2,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:37.147Z"}');
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
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '10');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/2');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
INSERT INTO "marks" (name, value) VALUES ('told_seq', '10');
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
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a6-10b0-8002-a9d1-97ed060fe59f', 'm:03b3d7a6-1498-756c-aacd-2fba0a3e7d6d', '', 0, 4070952015000);
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a7-fce0-8002-8a92-0e55e9a23dbd', 'm:03b3d7a8-04b0-7e44-8451-3a6d03623f0d', '', 1, 4070952142000);
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-1450-8002-8d2c-bfc88f75a84d', 'm:03b3d7a8-2fa8-7c2a-9f32-ee216c753453', '', 1, 4070952153000);
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
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-1450-8002-8d2c-bfc88f75a84d', 'ci.example.com', X'955F8ABE9E5B1AAD8AE60FEBEC0AFDE93B004AB88533C07E95025931F64AC3784175EA6C88A582624332969FF63DD4E4737B90A03236E7FC156B4239E91CA327B494697FAD4EDC20E6298D0CB084344B68866FA9232F304D7E08D06FBA5B7D27F2FF7AD93D4D893149C536B2F1EBB3C75885917552B74F21983091A3FBE2A860695DD9280D791274A4676B9F6A9B37E12EC02CDD9CDF3FBEC5964470DFF21E3A39E1E135D943C315580ED1D91A580F25F85EDE9F1C2B51A25F5E76CF67', 71, NULL, 1000, 2, 4070952157147, NULL, 0, 0, 1, NULL, 4070958446000, 4070952157147);
CREATE INDEX stop_requests_due ON stop_requests (due_at);
CREATE INDEX stop_requests_waiting ON stop_requests (host, (attempt > 0), next_at, run_id)
     WHERE lease_until IS NULL AND next_at IS NOT NULL;
CREATE TABLE receiver_responses (
     run_id TEXT PRIMARY KEY,
     sealed BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "receiver_responses" (run_id, sealed) VALUES ('03b3d7a8-1450-8002-8d2c-bfc88f75a84d', X'782BA93CE1711904582BBE4F11629660777F2E53B823732797F704B59021216DB0DEC4B35F9B0E6875F55B1F');
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
CREATE INDEX messages_due ON messages (endpoint, (state = 'waiting'), due_at, run_id, kind);
CREATE TABLE endpoint_health (
     endpoint      TEXT    PRIMARY KEY,
     version       INTEGER NOT NULL,
     failures      INTEGER NOT NULL,
     failing_since INTEGER,
     failed_days   TEXT    NOT NULL,
     succeeded_at  INTEGER
   ) STRICT, WITHOUT ROWID;
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
