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
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396955561991012, '03b3d7a6-0cc8-8000-8db2-7ccdcb19c8e0', 2, 2, 'failed', 'deploy', NULL, 'ada', 4070952013000, 4070952013000, 4070952013000, 4070955613000, 4073544013000, 4073544013000, 0, 4070952013000, 1028, 'm:03b3d7a6-0cc8-796a-b980-66708e02d8a5', '', NULL, 'm:03b3d7a6-0cc8-7d8a-baa7-3cfc5149e41a', '', NULL, 4070952013000, 'callback', 'portal', 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', 'it''s "broken";
second line', NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959723550806, '03b3d7a7-fce0-8000-bc2b-44b769f6940d', 3, 5, 'running', 'watch', NULL, 'root', 4070952140000, 4070952141000, NULL, 4070955740000, 4073547740000, 4070955740000, 0, 4070952142000, 1028, 'm:03b3d7a7-fce0-7565-9345-08685b1676ca', '', NULL, 'm:03b3d7a8-04b0-7e64-89a2-cfa9f26c9a1f', '', NULL, 4070952141000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', NULL, 4070952142000, 4070955740000, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396960018441713, '03b3d7a8-2008-8000-92f8-ee313cc46293', 1, 6, 'pending', 'ship', NULL, 'ci', 4070952149000, NULL, NULL, 4071565948000, 4074157948000, 4070955748000, 0, 4070952149000, 1044, 'm:03b3d7a8-2008-703a-af7b-6d163e462c8d', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5400000, '{"notBefore":4070955748000,"approval":null,"concurrency":null,"waitUntil":4071560548000,"creator":{"tokenId":"03b3d7a5-da00-7917-af34-6f1b7e8c268e","tokenName":"ci","parents":["03b3d7a5-da00-714e-bf07-83a5260e8437"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'time', 4070952149000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', '', 'early', '03b3d7a5-da00-7917-af34-6f1b7e8c268e', 613, '["team:shop"]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952004000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
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
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-fce0-8000-bc2b-44b769f6940d', 2, 'started', 4070952141000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-fce0-8000-bc2b-44b769f6940d', 3, 'heartbeat', 4070952141000, '{}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-fce0-8000-bc2b-44b769f6940d', 4, 'cancel_requested', 4070952142000, '{"by":"ops","reason":null,"until":"2099-01-01T13:02:20.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-2008-8000-92f8-ee313cc46293', 2, 'waiting', 4070952149000, '{"for":"time","until":"2099-01-08T13:02:28.000Z","notBefore":"2099-01-01T13:02:28.000Z"}');
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
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-2008-8000-92f8-ee313cc46293', 'ci.example.com', X'BF13913DCF8491428EC39BFDAD0DE6396B81F98DB0FBDE4E3202617AE8C590537A7076847F01069F62F431745B4294DD4F7EADD7386BA2EE59CDA44556F3D8D41DE67D1DEDD3D1D35E53ED083C4C2238DD8E10DBCA503A023078092378B044DCA7E6F7D5FA7F76D314282D8AF65A5E5EDCBDAC8E6C22EA846490D09B4F408F9DD8EFC50AA3726C0E0B2E33A5A235257F0EC632B64910B1AE1BF8D5E356B39E66D4AAD17D61F4BC4E6C0F39A960DFEC8FEF517E887D5BABBB8DBE31C7EEA046432F65E9E0411615E38B546B859E79A98BCEF5A60100455B21306418755C9730D34A3C92EFCD30AC2A35E059267D49EF72BCCF4B30D0E18A59E9CF04B00D3F10FFAFF96FF26C2E4EE33751D590FE20EDCD9A9F7E86CD34911AC2AF77DBA8A90B25C2660816F9BB9E66A9CA7C1998D96B5AFEB8C6E02988A7C7D7C70550C266752C3F6810C1FA11CDB39367C794C929551617AF17D5CB70AF3C486BDFD48BDD3FFF5E8A5DBB12E1D8F03C89073261252867B97B5865E2946B07C62C37D1517EB8C8425FC942C2DAE5A75C4D48F5E45A998A8DEB22EF789E4BF86856CCE1A8364FD49D949A6F9663CA49', 'accepted', NULL, 1000, 4070955749000, 0, NULL, NULL, 0, 0, 8381);
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '6');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/0');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
INSERT INTO "marks" (name, value) VALUES ('told_seq', '6');
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
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a7-fce0-8000-bc2b-44b769f6940d', 'm:03b3d7a8-04b0-7e64-89a2-cfa9f26c9a1f', '', 1, 4070952142000);
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
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-2008-8000-92f8-ee313cc46293', 'ci.example.com', X'ED0CB124723C7A91389371449204F3973FE8EF9B2DA4CF6A6621AFD0F2DE0B2A1C650DD56FEB91B1EF069BA09DC3EF58A61A011EC019659F495C3035F5A76DAC660E901FD45AD1C84F3ECBBB0AC16AE5A38D30F82EED00B865FE021F973289479C4C21E47C9F8A5D44108EAA8F17591F8682B10BF619E23798D889C6E47EFD854AC4B60A751FB2B3D35552649DDBFC40D703D3BC27A59F839B84AA719DD496EE8DACB05781B43253FC2B780B6FA7301DE91E7E3993B8FF6111D556DA2B', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071566848000, 4071566848000);
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
INSERT INTO "messages" (endpoint, run_id, kind, type, state, previous_status, is_resend, weight, attempt, next_at, lease_until, expires_at, due_at, attempts) VALUES ('chat@4070952010000', '03b3d7a6-0cc8-8000-8db2-7ccdcb19c8e0', 'ended', 'action_run.failed', 'waiting', NULL, 0, 1028, 1, 4070952161081, NULL, 4071560400000, 4070952161081, '[{"at":4070952155100,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null}]');
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
INSERT INTO "retries" (run_id, key) VALUES ('03b3d7a6-0cc8-8000-8db2-7ccdcb19c8e0', 't:03b3d7a5-da00-714e-bf07-83a5260e8437:retry-1');
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
INSERT INTO "bulk_operations" (id, create_key, fingerprint, bulk_order, state, abort_reason, matched, accepted, skipped, failed, below, next_seq, round, created_at, completed_at, stopped_by, changed_runs, ended, is_audited, is_over) VALUES ('03b3d7a8-3778-7191-953b-3e04f7b2fe39', 'm:03b3d7a8-3778-7427-b654-b1da8dc9d58d', '', '{"id":"03b3d7a8-3778-7191-953b-3e04f7b2fe39","request":{"operation":"cancel","reason":null,"graceSeconds":60},"filter":{"labels":["bulk"],"status":["pending"]},"maxRuns":10,"asker":{"tokenId":"03b3d7a5-da00-714e-bf07-83a5260e8437","tokenName":"ops","parents":[],"person":null},"mustNamePerson":false,"origin":"https://runs.example"}', 'completed', NULL, 2, 2, 0, 0, NULL, 100000000002, 1, 4070952155000, 4070952155300, NULL, '["03b3d7a8-3778-8003-a312-5b021c3eb02d","03b3d7a8-3390-8002-9c1c-6b6695d88865"]', NULL, 1, 0);
CREATE INDEX bulk_operations_open ON bulk_operations (id) WHERE is_over = 0;
CREATE INDEX bulk_operations_by_end ON bulk_operations (completed_at) WHERE is_over = 1;
CREATE TABLE bulk_pages (
     bulk_id   TEXT    NOT NULL,
     n         INTEGER NOT NULL,
     undecided INTEGER NOT NULL,
     items     TEXT    NOT NULL,
     PRIMARY KEY (bulk_id, n)
   ) STRICT, WITHOUT ROWID;
INSERT INTO "bulk_pages" (bulk_id, n, undecided, items) VALUES ('03b3d7a8-3778-7191-953b-3e04f7b2fe39', 1000000000, 0, '[["03b3d7a8-3778-8003-a312-5b021c3eb02d","accepted",null,null,"cancelled"],["03b3d7a8-3390-8002-9c1c-6b6695d88865","accepted",null,null,"cancelled"]]');
