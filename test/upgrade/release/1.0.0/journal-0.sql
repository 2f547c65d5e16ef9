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
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396955496478377, '03b3d7a6-04f8-8000-bb54-dd0ddd7b8835', 3, 3, 'succeeded', 'deploy', '0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11', 'root', 4070952011000, 4070952012000, 4070952012000, 4070955611000, 4073544012000, 4073544012000, 0, 4070952012000, 1119, 'm:03b3d7a6-04f8-7a1b-9820-648d650dd28e', '', NULL, 'm:03b3d7a6-08e0-7f51-97b8-173f878a952b', '', NULL, 4070952012000, 'callback', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["night","team:shop"]', '{"version":"1.4.2","replicas":3}', '{"rollback":"1.4.1"}', NULL, '{"url":"https://shop.example","n":[1,null]}', 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'https://ci.example.com/1', 1);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396955594780068, '03b3d7a6-10b0-8000-b6d2-5fbedb68c919', 2, 5, 'cancelled', 'deploy', NULL, 'root', 4070952014000, NULL, 4070952015000, 4070955614000, 4073544015000, 4073544015000, 0, 4070952015000, 1028, 'm:03b3d7a6-10b0-7578-ac03-c6e8de522062', '', NULL, 'm:03b3d7a6-1498-7953-935d-fd064ea5a492', '', NULL, 4070952014000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', 'wrong', 4070952015000, 4070952015000, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959821855787, '03b3d7a8-0898-8000-be15-e028303745ab', 1, 6, 'pending', 'deploy', NULL, 'root', 4070952143000, NULL, NULL, 4070957543000, 4073549543000, 4070957543000, 0, 4070952143000, 1028, 'm:03b3d7a8-0898-7551-b7bf-f1ff4bfa3395', '', NULL, NULL, NULL, NULL, 4070952143000, NULL, NULL, 5400000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959952904990, '03b3d7a8-1838-8000-918f-18646efa6c1a', 1, 7, 'pending', 'flaky', NULL, 'ci', 4070952147000, NULL, NULL, 4070955747000, 4073547747000, 4070952157013, 0, 4070952147000, 1044, 'm:03b3d7a8-1838-73c0-ac42-dbfe3433646e', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960215057418, '03b3d7a8-3778-8000-a205-71ad07553aa8', 2, 9, 'cancelled', 'import', NULL, 'root', 4070952155000, NULL, 4070952155200, 4070955755000, 4073544155200, 4073544155200, 0, 4070952155200, 1028, 'm:03b3d7a8-3778-783a-9a52-0e2ea8c19df7', '', NULL, 't:bulk:03b3d7a8-3778-7f16-9c18-cd398e8c4fe3:03b3d7a8-3778-8000-a205-71ad07553aa8', '', NULL, 4070952155000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["bulk"]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', NULL, 4070952155200, 4070952155200, NULL, 0);
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
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8000-bb54-dd0ddd7b8835', 2, 'started', 4070952012000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8000-bb54-dd0ddd7b8835', 3, 'heartbeat', 4070952012000, '{"message":"half way ☃","progress":0.5,"externalUrl":"https://ci.example.com/1"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8000-bb54-dd0ddd7b8835', 4, 'ended', 4070952012000, '{"status":"succeeded","cause":"callback"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-10b0-8000-b6d2-5fbedb68c919', 2, 'ended', 4070952015000, '{"status":"cancelled","cause":"cancel","by":"ops","reason":"wrong"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8000-918f-18646efa6c1a', 2, 'attempt_started', 4070952147000, '{"attempt":1,"host":"down.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8000-918f-18646efa6c1a', 3, 'attempt_answered', 4070952148000, '{"attempt":1,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:28.588Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8000-918f-18646efa6c1a', 4, 'attempt_started', 4070952155100, '{"attempt":2,"host":"down.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8000-918f-18646efa6c1a', 5, 'attempt_answered', 4070952155100, '{"attempt":2,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:37.013Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-3778-8000-a205-71ad07553aa8', 2, 'ended', 4070952155200, '{"status":"cancelled","cause":"cancel","by":"ops"}');
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
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-1838-8000-918f-18646efa6c1a', 'down.example.com', X'8C3F4A761B8A1BBB5D419BF921635FD0C1767D446723B91E547323B5F6BB7EDA87EB9B24CD55DDF186E8C1BA1581A989FD0332B723680BBD936A5E05641CBAD67A9807737BCB42403F6DDFDC32BF0577E0DD297A404E20BC633F034CD31DC0A2EE30CD360D4DB35A6566E68D9CA0C0FA5F9EB08F8F6AE768D2506586E4CCBB257FA2B0269A4A7ACD152A22D991706F3EF12025F38418AB4564B076C342727687C21CCAA38C71B19257FBE8394642A7DF2DC3E9A64EEE19A5625FAF541718E8A7D44C8EAAA08F5489754CE4DA75B948B4A6B550E3EE83D997F329F3F0D69D1EB5182548D7C70C2F447AA525D3CFE1C977B8434CA018EEC2A492DD65838BBA391EF0E4FF0737D50EC0D7B874F979BB362E4A528B0399E83B034053936BE065D8841EEF777F7DEAFBEEFDC86EEFD359A6ADF49902A63698FEEB80DC3BD8C8C5BD5B126394269328454EAB95AE37092045B4850078F6C8EE034CD090587D7ED7BC96FE4BC5D33DF4F2959F1165A21E616DE85AB273D46E802EB51EA690856E228A4C81A50CC6706B56CAC1EC8A868776DE50F6580CE646BBD749A1E10D66E14850BF23C8EB30BF373D3EC2B050E76490DAAE8C7571B12369274C28FAE9D17D0B6B04995741CA6ECB7C260547C4628B6ADEB433812A06135DED56353A7362B2695A92819111D4D762531A5F58FD5D080CF4F992A18EC69825CA14BE43E5C19F8F61D9C4B4764603335FB11DC1C4141F40E50341E4B82B3CEF1F39C69C11BD11EED8375C57A04CA76F32D628CD24CF58DB414F678BB1B870C274244F122F2E9D3B7EC4AC4396C240A35D218698721D112BEA1E547C37C26B38D4B05FB2D89B05B980F4A0E8B2E7869571B25BE41962738FDB72D5F22DC54CA44FCF74125EE00837F856F7B466FD123EDC3825BA5D538519AA178A149CBAEDFE7BD45E15F7E6A210BCBD4908CEEBD63A84F488DDCD3FC99406A8C3AA9A988DB73043328A8DDE0959EA15436F63471CCFFA44A72B3389AE9F6A278335104F47A05A87D0E74E356B6B73D283AB26E99721340FC386B62B6D18E1BA019A9E81611C7025D15383810A71B788018D2A6CBF1055AE751720BFFA63D1386A118BFCA1486565F891240C', 'accepted', NULL, 1000, 4070953947000, 2, 4070952157013, NULL, 0, 0, 4682);
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '8');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/0');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
INSERT INTO "marks" (name, value) VALUES ('repair_at', '4070952160200');
INSERT INTO "marks" (name, value) VALUES ('told_seq', '9');
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
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a6-10b0-8000-b6d2-5fbedb68c919', 'm:03b3d7a6-1498-7953-935d-fd064ea5a492', '', 0, 4070952015000);
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-3778-8000-a205-71ad07553aa8', 't:bulk:03b3d7a8-3778-7f16-9c18-cd398e8c4fe3:03b3d7a8-3778-8000-a205-71ad07553aa8', '', 0, 4070952155200);
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
INSERT INTO "messages" (endpoint, run_id, kind, type, state, previous_status, is_resend, weight, attempt, next_at, lease_until, expires_at, due_at, attempts) VALUES ('chat@1', '03b3d7a6-04f8-8000-bb54-dd0ddd7b8835', 'ended', 'action_run.succeeded', 'waiting', NULL, 0, 1119, 1, 4070952160174, NULL, 4071560400000, 4070952160174, '[{"at":4070952155100,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null}]');
CREATE INDEX messages_due ON messages (endpoint, (state = 'waiting'), due_at, run_id, kind);
CREATE TABLE endpoint_health (
     endpoint      TEXT    PRIMARY KEY,
     version       INTEGER NOT NULL,
     failures      INTEGER NOT NULL,
     failing_since INTEGER,
     failed_days   TEXT    NOT NULL,
     succeeded_at  INTEGER
   ) STRICT, WITHOUT ROWID;
INSERT INTO "endpoint_health" (endpoint, version, failures, failing_since, failed_days, succeeded_at) VALUES ('chat@1', 1, 1, 4070952155100, '[47117]', NULL);
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
INSERT INTO "bulk_operations" (id, create_key, fingerprint, bulk_order, state, abort_reason, matched, accepted, skipped, failed, below, next_seq, round, created_at, completed_at, stopped_by, changed_runs, ended, is_audited, is_over) VALUES ('03b3d7a8-3778-7f16-9c18-cd398e8c4fe3', 'm:03b3d7a8-3778-711c-8e88-88ea0a15ecca', '', '{"id":"03b3d7a8-3778-7f16-9c18-cd398e8c4fe3","request":{"operation":"cancel","reason":null,"graceSeconds":60},"filter":{"labels":["bulk"],"status":["pending"]},"maxRuns":10,"asker":{"tokenId":"03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3","tokenName":"ops","parents":[],"person":null},"mustNamePerson":false,"origin":"https://runs.example"}', 'completed', NULL, 2, 2, 0, 0, NULL, 100000000002, 1, 4070952155000, 4070952155300, NULL, '["03b3d7a8-3778-8000-a205-71ad07553aa8","03b3d7a8-3390-8001-b960-2b84182edc10"]', NULL, 1, 0);
CREATE INDEX bulk_operations_open ON bulk_operations (id) WHERE is_over = 0;
CREATE INDEX bulk_operations_by_end ON bulk_operations (completed_at) WHERE is_over = 1;
CREATE TABLE bulk_pages (
     bulk_id   TEXT    NOT NULL,
     n         INTEGER NOT NULL,
     undecided INTEGER NOT NULL,
     items     TEXT    NOT NULL,
     PRIMARY KEY (bulk_id, n)
   ) STRICT, WITHOUT ROWID;
INSERT INTO "bulk_pages" (bulk_id, n, undecided, items) VALUES ('03b3d7a8-3778-7f16-9c18-cd398e8c4fe3', 1000000000, 0, '[["03b3d7a8-3778-8000-a205-71ad07553aa8","accepted",null,null,"cancelled"],["03b3d7a8-3390-8001-b960-2b84182edc10","accepted",null,null,"cancelled"]]');
