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
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396955594766752, '03b3d7a6-10b0-8001-9cd0-428f323eaa5e', 2, 2, 'cancelled', 'deploy', NULL, 'root', 4070952014000, NULL, 4070952015000, 4070955614000, 4073544015000, 4073544015000, 0, 4070952015000, 1028, 'm:03b3d7a6-10b0-705b-93e3-3dca252781c3', '', NULL, 'm:03b3d7a6-1498-77c7-8b39-230bf692539b', '', NULL, 4070952014000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', 'wrong', 4070952015000, 4070952015000, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959657993816, '03b3d7a7-f510-8001-932c-260c89ff9ab7', 2, 4, 'running', 'watch', NULL, 'root', 4070952138000, 4070952139000, NULL, 4070988138000, 4073580138000, 4070955739000, 0, 4070952139000, 1028, 'm:03b3d7a7-f510-71d6-bdac-20f132408dfd', '', NULL, 'm:cd927239-6083-4bd2-830a-27fe8c83659f', '', 3600000, 4070952139000, NULL, NULL, 36000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959723541390, '03b3d7a7-fce0-8001-a9c7-4daf4ec71f24', 3, 7, 'running', 'watch', NULL, 'root', 4070952140000, 4070952141000, NULL, 4070955740000, 4073547740000, 4070955740000, 0, 4070952142000, 1028, 'm:03b3d7a7-fce0-776c-b0d4-9026619d1c38', '', NULL, 'm:03b3d7a8-04b0-750e-876e-eb946c4641ed', '', NULL, 4070952141000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', NULL, 4070952142000, 4070955740000, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959887390170, '03b3d7a8-1068-8001-baed-713ebe409830', 2, 9, 'running', 'ship', NULL, 'ci', 4070952145000, 4070952146000, NULL, 4070957545000, 4073549545000, 4070957545000, 0, 4070952146000, 1044, 'm:03b3d7a8-1068-72f7-90dc-57374220d058', '', NULL, 'm:0906a305-ad7c-4ad2-bc97-bc566e926016', '', NULL, 4070952146000, NULL, NULL, 5400000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["team:shop"]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959920157728, '03b3d7a8-1450-8001-ba10-5cb8710e2d92', 3, 12, 'running', 'ship', NULL, 'ci', 4070952146000, 4070952147000, NULL, 4070957546000, 4073549546000, 4070955753000, 0, 4070952153000, 1044, 'm:03b3d7a8-1450-79ae-a026-76e832d30820', '', NULL, 'm:03b3d7a8-2fa8-78b6-8d54-757c461d956b', '', NULL, 4070952147000, NULL, NULL, 5400000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["team:shop"]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 2, NULL, NULL, 'ops', 'stop', 4070952153000, 4070955753000, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960182301685, '03b3d7a8-3390-8001-b9fa-d4dd321a0924', 2, 16, 'cancelled', 'import', NULL, 'root', 4070952154000, NULL, 4070952155200, 4070955754000, 4073544155200, 4073544155200, 0, 4070952155200, 1028, 'm:03b3d7a8-3390-7ad5-a29d-71bf6f516f23', '', NULL, 't:bulk:03b3d7a8-3778-7705-9fa9-8caae942ba0e:03b3d7a8-3390-8001-b9fa-d4dd321a0924', '', NULL, 4070952154000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["bulk"]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', NULL, 4070952155200, 4070952155200, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960215057270, '03b3d7a8-3778-8001-a1bb-1bb0c97be96e', 2, 15, 'cancelled', 'import', NULL, 'root', 4070952155000, NULL, 4070952155200, 4070955755000, 4073544155200, 4073544155200, 0, 4070952155200, 1028, 'm:03b3d7a8-3778-75d3-bc48-3111def0650a', '', NULL, 't:bulk:03b3d7a8-3778-7705-9fa9-8caae942ba0e:03b3d7a8-3778-8001-a1bb-1bb0c97be96e', '', NULL, 4070952155000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["bulk"]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', NULL, 4070952155200, 4070952155200, NULL, 0);
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
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-10b0-8001-9cd0-428f323eaa5e', 2, 'ended', 4070952015000, '{"status":"cancelled","cause":"cancel","by":"ops","reason":"wrong"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-f510-8001-932c-260c89ff9ab7', 2, 'started', 4070952139000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-f510-8001-932c-260c89ff9ab7', 3, 'heartbeat', 4070952139000, '{"message":"at work"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-fce0-8001-a9c7-4daf4ec71f24', 2, 'started', 4070952141000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-fce0-8001-a9c7-4daf4ec71f24', 3, 'heartbeat', 4070952141000, '{}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-fce0-8001-a9c7-4daf4ec71f24', 4, 'cancel_requested', 4070952142000, '{"by":"ops","reason":null,"until":"2099-01-01T13:02:20.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1068-8001-baed-713ebe409830', 2, 'attempt_started', 4070952145000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1068-8001-baed-713ebe409830', 3, 'attempt_answered', 4070952146000, '{"attempt":1,"outcome":"accepted","status":201,"durationMs":0,"reason":"answered 201","excerpt":"AnA59I8YuN2iaMA4wzTQb/GTyPiP1CD4iheeTXdkLfS4AzmpE0zjI0Yd","nextAttemptAt":null}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1068-8001-baed-713ebe409830', 4, 'started', 4070952146000, '{"cause":"delivery"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-ba10-5cb8710e2d92', 2, 'attempt_started', 4070952146000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-ba10-5cb8710e2d92', 3, 'attempt_answered', 4070952147000, '{"attempt":1,"outcome":"accepted","status":201,"durationMs":0,"reason":"answered 201","excerpt":"NLtgItBc0Wmy1gz+AsxzY9IhyGrXi8Zgj/TeMuzX7wQSsNp6iMsvGRcq","nextAttemptAt":null}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-ba10-5cb8710e2d92', 4, 'started', 4070952147000, '{"cause":"delivery"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-ba10-5cb8710e2d92', 5, 'cancel_requested', 4070952153000, '{"by":"ops","reason":"stop","until":"2099-01-01T13:02:33.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-ba10-5cb8710e2d92', 6, 'stop_started', 4070952153000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-ba10-5cb8710e2d92', 7, 'stop_answered', 4070952154000, '{"attempt":1,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:34.923Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-ba10-5cb8710e2d92', 8, 'stop_started', 4070952155300, '{"attempt":2,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-ba10-5cb8710e2d92', 9, 'stop_answered', 4070952155300, '{"attempt":2,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:37.167Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-3390-8001-b9fa-d4dd321a0924', 2, 'ended', 4070952155200, '{"status":"cancelled","cause":"cancel","by":"ops"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-3778-8001-a1bb-1bb0c97be96e', 2, 'ended', 4070952155200, '{"status":"cancelled","cause":"cancel","by":"ops"}');
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
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '14');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/1');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
INSERT INTO "marks" (name, value) VALUES ('repair_at', '4070952160300');
INSERT INTO "marks" (name, value) VALUES ('told_seq', '16');
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
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a6-10b0-8001-9cd0-428f323eaa5e', 'm:03b3d7a6-1498-77c7-8b39-230bf692539b', '', 0, 4070952015000);
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a7-fce0-8001-a9c7-4daf4ec71f24', 'm:03b3d7a8-04b0-750e-876e-eb946c4641ed', '', 1, 4070952142000);
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-1450-8001-ba10-5cb8710e2d92', 'm:03b3d7a8-2fa8-78b6-8d54-757c461d956b', '', 1, 4070952153000);
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-3390-8001-b9fa-d4dd321a0924', 't:bulk:03b3d7a8-3778-7705-9fa9-8caae942ba0e:03b3d7a8-3390-8001-b9fa-d4dd321a0924', '', 0, 4070952155200);
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-3778-8001-a1bb-1bb0c97be96e', 't:bulk:03b3d7a8-3778-7705-9fa9-8caae942ba0e:03b3d7a8-3778-8001-a1bb-1bb0c97be96e', '', 0, 4070952155200);
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
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-1068-8001-baed-713ebe409830', 'ci.example.com', X'8CA797E01CB673B10E76DD1A0DA60639C09DE5C9E42EEB07D9872491614FC9CF5732178601CD1DC0D2E815875F9DA03954FB77D169B60A8B141D04149597650490CB7CD421995EBA25B0A399370BEE101B78308DF6D6A3B5A7BA223F7553748818EA1281082ED2A4881A3D89C81A2292976493C1CE7614331C9881055ABA9DE2AF24103646E773B735B4D808593C9FB906238AE4C0EBEFA66836929C5270FC3290B4936DAA39FFB5356F5FC70437D82417B37A801ABAB0611708E50412', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 1, NULL, 4070958445000, 4070958445000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-1450-8001-ba10-5cb8710e2d92', 'ci.example.com', X'D27E007D28F8973644975577B74439B5CE1EA984AE22BC3194CCEBD31460D8F7A5F8174C3C70661416F3729E83F7DDF196C6B1F572E1D218DD0AC0C71B2BA79F1279FB988F0C2A133C57F5446A838ABA6E749DBF8D8B8C3C32741FF0639F13FB042A23A3A76E4ED7C738B4FD3E3974F3273977FB7ECA11D681B550AB8427FDD6B5F5F1B9062801040C430237473FDE076AEE97DBEB61F5AF8277CE3A04CB1908DB9A6C6C497CD3E3B9B7EE8BFA27FA07012D821CAECF664FCCD3FC3DEB', 71, NULL, 1000, 2, 4070952157167, NULL, 0, 0, 1, NULL, 4070958446000, 4070952157167);
CREATE INDEX stop_requests_due ON stop_requests (due_at);
CREATE INDEX stop_requests_waiting ON stop_requests (host, (attempt > 0), next_at, run_id)
     WHERE lease_until IS NULL AND next_at IS NOT NULL;
CREATE TABLE receiver_responses (
     run_id TEXT PRIMARY KEY,
     sealed BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "receiver_responses" (run_id, sealed) VALUES ('03b3d7a8-1068-8001-baed-713ebe409830', X'4E90435E6F34681E763957FE07105F8915774103015EAD7A8E733E0F64373CF9C7D2249EF72A741E471EDA35');
INSERT INTO "receiver_responses" (run_id, sealed) VALUES ('03b3d7a8-1450-8001-ba10-5cb8710e2d92', X'201C00B8A645ACADFE648604E11FE020B196DCFC8A02587149281115FA874C796E5B2EF2D887BFB84C1FE82F');
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
