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
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396955496448966, '03b3d7a6-04f8-8001-81e3-6896781190bc', 3, 3, 'succeeded', 'deploy', '0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11', 'root', 4070952011000, 4070952012000, 4070952012000, 4070955611000, 4073544012000, 4073544012000, 0, 4070952012000, 1119, 'm:03b3d7a6-04f8-7d82-bfa7-5e895ade07af', '', NULL, 'm:03b3d7a6-08e0-7e83-aa56-8b435d8f6632', '', NULL, 4070952012000, 'callback', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["night","team:shop"]', '{"version":"1.4.2","replicas":3}', '{"rollback":"1.4.1"}', NULL, '{"url":"https://shop.example","n":[1,null]}', 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'https://ci.example.com/1', 1);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396955660299641, '03b3d7a6-1880-8001-96bc-f730ea77bf16', 2, 5, 'failed', 'deploy', NULL, 'root', 4070952016000, NULL, 4070952076000, 4070952076000, 4073544076000, 4073544076000, 0, 4070952136000, 1028, 'm:03b3d7a6-1880-70b5-9e73-67e6dbbdf863', '', NULL, 'm:ec71b707-70eb-47b5-9a4e-393e440f7aca', '', NULL, 4070952016000, 'deadline', NULL, 60000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', '[timeout] No result was reported by 2099-01-01T12:01:16.000Z.', NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959985693208, '03b3d7a8-1c20-8001-b90c-374f5d29dae9', 1, 6, 'pending', 'release', NULL, 'ci', 4070952148000, NULL, NULL, 4071562348000, 4074154348000, 4071556948000, 0, 4070952148000, 1044, 'm:03b3d7a8-1c20-7c71-9652-8e2cea3c1d37', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5400000, '{"notBefore":null,"approval":{"required":1,"allowSelf":false},"concurrency":null,"waitUntil":4071556948000,"creator":{"tokenId":"03b3d7a5-da00-76b3-bc60-ad941880ec04","tokenName":"ci","parents":["03b3d7a5-da00-7cf6-8eaa-6d202a9926ce"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'approval', 4070952148000, NULL, NULL, NULL, NULL, NULL, NULL, '', '', 'early', '03b3d7a5-da00-76b3-bc60-ad941880ec04', 746, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960215040768, '03b3d7a8-3778-8001-8180-1086dc48d589', 2, 8, 'cancelled', 'import', NULL, 'root', 4070952155000, NULL, 4070952155200, 4070955755000, 4073544155200, 4073544155200, 0, 4070952155200, 1028, 'm:03b3d7a8-3778-7b20-8f9c-26e99ab2278b', '', NULL, 't:bulk:03b3d7a8-3778-7c62-a3ee-cece363a9fa0:03b3d7a8-3778-8001-8180-1086dc48d589', '', NULL, 4070952155000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["bulk"]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', NULL, 4070952155200, 4070952155200, NULL, 0);
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
INSERT INTO "previews" (run_id, request) VALUES ('03b3d7a8-1c20-8001-b90c-374f5d29dae9', '{"method":"POST","url":"https://ci.example.com/hooks/shop","headers":{"Authorization":null},"payload":{"token":null,"callback":null}}');
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
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8001-81e3-6896781190bc', 2, 'started', 4070952012000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8001-81e3-6896781190bc', 3, 'heartbeat', 4070952012000, '{"message":"half way ☃","progress":0.5,"externalUrl":"https://ci.example.com/1"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8001-81e3-6896781190bc', 4, 'ended', 4070952012000, '{"status":"succeeded","cause":"callback"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-1880-8001-96bc-f730ea77bf16', 2, 'ended', 4070952076000, '{"status":"failed","cause":"deadline"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1c20-8001-b90c-374f5d29dae9', 2, 'waiting', 4070952148000, '{"for":"approval","until":"2099-01-08T12:02:28.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-3778-8001-8180-1086dc48d589', 2, 'ended', 4070952155200, '{"status":"cancelled","cause":"cancel","by":"ops"}');
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
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-1c20-8001-b90c-374f5d29dae9', 'ci.example.com', X'0B899F26F776FF10D819FAE994898F92A5677FDCB1B150E98D247EFE6A76A022713B7D59DC4146013454F94F86B6A1C096A76AB3AB65021FFF2F7E943DFF8FEC3660502DFA773864790E009334A0A5B9A6D83EF6515EC29115190FB278C2107370D495BFF75FC04479B0913DA401AE2F1E48A9387BBA7567DD6427957D114DCC9A263DF031AD94CCD909FA303AC5BDDF0A6FD1872B515523C8F0C1E7A597437B5900317438F537A8E3E3B4C8352C7DCACBDC43D8C87101953411EE349E8B0A11AC83B3E88D066229FF05A3D50EEA8A89FA9A8E65B8C1A4D1A2D039E6B537C477E10330F54D2A22FE05BAA72F29C152C7CB09832278FC57BF00797345C97D05D45318398C0B6130811A2B7EECEF2B35CC84E6A614ED894311759676BC28CA49DD27BD3C0C21E7A8DDE492416D8DAA3EAA145D4FCCF58F283AC913C69038B031FE37FC8B6862346FF12DF33E2F41CE372EC55B7F822B2516B870446887A88869E172167A81D8C59206C881A038A09E3D034902E19426EA8DD11EAAC0983FC43F3FA28CF56115843AF9C283C66ECE28F641E1379EABB859B7EEC160425A6A005F1D3B12A110C7ADD1DD', 'accepted', NULL, 1000, 4070955748000, 0, NULL, NULL, 0, 0, 8381);
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '7');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/1');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
INSERT INTO "marks" (name, value) VALUES ('repair_at', '4070952160300');
INSERT INTO "marks" (name, value) VALUES ('told_seq', '8');
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
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-3778-8001-8180-1086dc48d589', 't:bulk:03b3d7a8-3778-7c62-a3ee-cece363a9fa0:03b3d7a8-3778-8001-8180-1086dc48d589', '', 0, 4070952155200);
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
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-1c20-8001-b90c-374f5d29dae9', 'ci.example.com', X'3015D8A25058F1A99C3E2CDD211BEB33FB90D90C4111D805E162C6FF698713C7D3960103FE915BFCF1E300DD09017D6FE5D15DF54A94BA2BEE222B773064D6E1FA47864855A7DE4F7181B6DAD1251B9EA0C68334D20E7B8393AC3CB6282FD6AECC23DF18B0C060F2B8F10414AC7A3B64BDE56CC76AEC4CB724E37DC711B9C244732EA02CDB0917DEB88FB8216F6F3FB596DD098E1AEB9D896ADF5372EDA690D3BE32DD8B36512B5AE87D9A1193EABAC8B073F7024781E4EB1050E20742', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071563248000, 4071563248000);
CREATE INDEX stop_requests_due ON stop_requests (due_at);
CREATE INDEX stop_requests_waiting ON stop_requests (host, (attempt > 0), next_at, run_id)
     WHERE lease_until IS NULL AND next_at IS NOT NULL;
CREATE TABLE receiver_responses (
     run_id TEXT PRIMARY KEY,
     sealed BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;
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
INSERT INTO "messages" (endpoint, run_id, kind, type, state, previous_status, is_resend, weight, attempt, next_at, lease_until, expires_at, due_at, attempts) VALUES ('chat@1', '03b3d7a6-04f8-8001-81e3-6896781190bc', 'ended', 'action_run.succeeded', 'waiting', NULL, 0, 1119, 2, 4070952464327, NULL, 4071560400000, 4070952464327, '[{"at":4070952139000,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null},{"at":4070952155300,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null}]');
INSERT INTO "messages" (endpoint, run_id, kind, type, state, previous_status, is_resend, weight, attempt, next_at, lease_until, expires_at, due_at, attempts) VALUES ('chat@1', '03b3d7a6-1880-8001-96bc-f730ea77bf16', 'ended', 'action_run.failed', 'waiting', 'failed', 0, 1028, 2, 4070952429303, NULL, 4071560400000, 4070952429303, '[{"at":4070952140000,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null},{"at":4070952155300,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null}]');
CREATE INDEX messages_due ON messages (endpoint, (state = 'waiting'), due_at, run_id, kind);
CREATE TABLE endpoint_health (
     endpoint      TEXT    PRIMARY KEY,
     version       INTEGER NOT NULL,
     failures      INTEGER NOT NULL,
     failing_since INTEGER,
     failed_days   TEXT    NOT NULL,
     succeeded_at  INTEGER
   ) STRICT, WITHOUT ROWID;
INSERT INTO "endpoint_health" (endpoint, version, failures, failing_since, failed_days, succeeded_at) VALUES ('chat@1', 1, 4, 4070952139000, '[47117]', NULL);
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
