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
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396955496449395, '03b3d7a6-04f8-8003-82b9-d981b909ab22', 3, 3, 'succeeded', 'deploy', '0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11', 'root', 4070952011000, 4070952012000, 4070952012000, 4070955611000, 4073544012000, 4073544012000, 0, 4070952012000, 1119, 'm:03b3d7a6-04f8-7920-b209-e2086b43aeb5', '', NULL, 'm:03b3d7a6-08e0-7d3d-b6a9-b5a4f1382df8', '', NULL, 4070952012000, 'callback', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["night","team:shop"]', '{"version":"1.4.2","replicas":3}', '{"rollback":"1.4.1"}', NULL, '{"url":"https://shop.example","n":[1,null]}', 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'https://ci.example.com/1', 1);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959625232396, '03b3d7a7-f128-8003-a006-75f81c33d7c6', 1, 4, 'pending', 'deploy', NULL, 'ops', 4070952137000, NULL, NULL, 4070955737000, 4073547737000, 4070955737000, 0, 4070952137000, 1028, 't:03b3d7a5-da00-7aa3-8c6a-259da8f871ed:retry-1', '474808d8d16ebad1746c0662d7ba6794cbd8d550aa06956b2ee53867635e09c2', NULL, NULL, NULL, NULL, 4070952137000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, '03b3d7a6-0cc8-8000-b923-a0f3ed8dafd6', NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959854605576, '03b3d7a8-0c80-8003-9a84-3e81cf69b656', 1, 5, 'pending', 'deploy', NULL, 'root', 4070952144000, NULL, NULL, 4070955744000, 4073547744000, 4070955744000, 0, 4070952144000, 1028, 't:root:create-1', 'c50cd5ffc3032da546fd9d222f60548e0139d83c16361ad97ca80b4ece291222', NULL, NULL, NULL, NULL, 4070952144000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960051204675, '03b3d7a8-23f0-8003-8921-fd96e7a783a1', 2, 7, 'running', 'queue', NULL, 'ci', 4070952150000, 4070952151000, NULL, 4070955750000, 4073547750000, 4070955750000, 0, 4070952151000, 1044, 'm:03b3d7a8-23f0-7570-995f-8cb735258765', '', NULL, 'm:16fff7b3-4ead-40aa-a5fe-4cf35d85643b', '', NULL, 4070952151000, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"deploys","key":"shop","limit":1,"onConflict":"queue"},"waitUntil":4071556950000,"creator":{"tokenId":"03b3d7a5-da00-75d8-a0a6-5b029619b71a","tokenName":"ci","parents":["03b3d7a5-da00-7aa3-8c6a-259da8f871ed"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', NULL, NULL, NULL, 4070952150000, NULL, NULL, 6, NULL, 'deploys', 'shop', 'holding', '03b3d7a5-da00-75d8-a0a6-5b029619b71a', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960083969207, '03b3d7a8-27d8-8003-825b-a6db19490329', 1, 8, 'pending', 'queue', NULL, 'ci', 4070952151000, NULL, NULL, 4071560551000, 4074152551000, 4071556951000, 0, 4070952151000, 1044, 'm:03b3d7a8-27d8-73b8-a571-0a2c92ba019e', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"deploys","key":"shop","limit":1,"onConflict":"queue"},"waitUntil":4071556951000,"creator":{"tokenId":"03b3d7a5-da00-75d8-a0a6-5b029619b71a","tokenName":"ci","parents":["03b3d7a5-da00-7aa3-8c6a-259da8f871ed"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'concurrency', 4070952151000, NULL, NULL, NULL, NULL, 8, NULL, 'deploys', 'shop', 'waiting', '03b3d7a5-da00-75d8-a0a6-5b029619b71a', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960116737933, '03b3d7a8-2bc0-8003-83c6-a12d25cc9f91', 1, 9, 'pending', 'freeze', NULL, 'ci', 4070952152000, NULL, NULL, 4071560552000, 4074152552000, 4071556952000, 0, 4070952152000, 1044, 'm:03b3d7a8-2bc0-7634-b29c-b409114d8c59', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"frozen","key":"","limit":1,"onConflict":"queue"},"waitUntil":4071556952000,"creator":{"tokenId":"03b3d7a5-da00-75d8-a0a6-5b029619b71a","tokenName":"ci","parents":["03b3d7a5-da00-7aa3-8c6a-259da8f871ed"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'pause', 4070952152000, 'a release freeze', NULL, NULL, NULL, 9, NULL, 'frozen', '', 'waiting', '03b3d7a5-da00-75d8-a0a6-5b029619b71a', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
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
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8003-82b9-d981b909ab22', 2, 'started', 4070952012000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8003-82b9-d981b909ab22', 3, 'heartbeat', 4070952012000, '{"message":"half way ☃","progress":0.5,"externalUrl":"https://ci.example.com/1"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-04f8-8003-82b9-d981b909ab22', 4, 'ended', 4070952012000, '{"status":"succeeded","cause":"callback"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-8921-fd96e7a783a1', 2, 'released', 4070952150000, '{}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-8921-fd96e7a783a1', 3, 'attempt_started', 4070952150000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-8921-fd96e7a783a1', 4, 'attempt_answered', 4070952151000, '{"attempt":1,"outcome":"accepted","status":201,"durationMs":0,"reason":"answered 201","excerpt":"XacwZWxFQAVmpuAHCeEL65Z3MUNzmfufBc877CLRoUnkAuo2/cAhX4Wo","nextAttemptAt":null}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-8921-fd96e7a783a1', 5, 'started', 4070952151000, '{"cause":"delivery"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-27d8-8003-825b-a6db19490329', 2, 'waiting', 4070952151000, '{"for":"concurrency","until":"2099-01-08T12:02:31.000Z","group":"deploys","key":"shop"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-2bc0-8003-83c6-a12d25cc9f91', 2, 'waiting', 4070952152000, '{"for":"pause","until":"2099-01-08T12:02:32.000Z","group":"frozen","reason":"a release freeze"}');
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
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-27d8-8003-825b-a6db19490329', 'ci.example.com', X'2B2EC8449DE12800F7596752A6A2096FC8B3899DB40729C7542C4EE30DEA1866B4DD3B95ED1BB4FCF9407E56B97EA0A4DD45E25C5F0499AC29887632547D7EB16A1E92A5357B1CFBC0D4DC986A949A67BD049A6231EE38D731FF52DA4DBC6D2BBD7715F0B667903F843CA7616B7640ECBF5B85B37ACCE004606D501604D753B8616C4F4974F10E62A926AB2EAF134622423CB3BFB73A8F9A8CE3D07F85F36A7B2029B62E1CECD228D7576D45F8E4B1F9FD9A706E119E064845EAA3AFD009352D42D8A20268B553AD208918829D3887FB0906CCDF0FFB8139B61199E32313EE9B76F81448F2F0B9841B96A3AE54B48F2A25525FDD9BC8365096B5F0332DBC13F3D00ECFD6618AFC27BAE338B33B44EFA749F556C048C76ACDC868952EDBBF66DCA8B361140A799204E300081384EA27E0AE2AE691E675A0517F77A94DD414B225ADB5019CE2B7CFD23FAF4072BE723DF099FF243214C3F1C430A3F3B819FA4345B0D6F648577F6CD256CF4B62FDA61591D4F35ED5CB718AA0CCF6B762ABDEE7355A6719EA0E0A47EB284642BABF843C3E506B36A11C0970B5B1E6755AECAD6AE59FC42BBD209B8631', 'accepted', NULL, 1000, 4070955751000, 0, NULL, NULL, 0, 0, 8381);
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-2bc0-8003-83c6-a12d25cc9f91', 'ci.example.com', X'7EA6772B9055BD89E6FAACE14F4A2C1C8DA00D75F39479D13E6F755409FCBAFE39DB064566F8140ED37FF6568FB382770779AB4ABCD7C81AF6E05DE6C2E1AE45AD18D91727CFEBCF90692C9A5AA6A35A4B3766F801ED3C38B8C95FAC770AA271D178A3ACD02FA0E4EC65973EA061AD246274DBA1D934D0123ADECD81F2F8242D805E08B770EDF2474602D76E785C2B2A14B6AC1A3B283EFF2437CD22EEC7721074219CEE544F070E9A744C167DBD3907AC87352D105019E83F60A9C0D2DB9653A6445FA49E4C8891156712DFCDE4F67259166639F898265FB33A3379540ED30BB74A53EA7ACD8C89F2AF1E480860D504913656EE0164823EC8878C41DA6A3C585E9D943B15D4E66317094D888364C3A603278BC8DF15F0447603688C503F58FB40C3BFABCA5A9DBE08A675D139D2AE5A7BD2BAFA3AA58B39C6B31D9DC14BCE3D8890E47F1A26C6C82F0E637163E8A955D0495B034923824B2E32919E30876BC13B9C15C6FA8F62E182E2D0AAC093617945F67330554E9B4F64234C40B44B9D9312FFF4BB4B4165E35AD95396263F2FE171436D063DB412597244EE646F93A8EE2D1C06B6BAE53AF5', 'accepted', NULL, 1000, 4070955752000, 0, NULL, NULL, 0, 0, 8381);
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '9');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/3');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
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
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-23f0-8003-8921-fd96e7a783a1', 'ci.example.com', X'5CAE816D78F308E572C6BF55CE8CD76E0CB27EE89C04DF07E39CFF4788219EE769A0B3A74796FD37D113A1E9AEE99870A2FEBCBD4A202B58D0C2DA47F877288DA70C50DDBA022E971B74C71119C923413525437B26ECB21EF880D8DE2C4B1E2FAD0242ED6D99D8E87C7B9B4851761C232AA690677F12AE8CDCF6BE76B19C9AB5CE169624D77B1BA87A6D8D5509B8DEB48686446C3F80EEE0757CB8D4A557F4BF543E27916374933E5B0F8AF109196004DE6D4F3ED735590625DAE33D03', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 1, NULL, 4070956650000, 4070956650000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-27d8-8003-825b-a6db19490329', 'ci.example.com', X'4653533BFBE05AA721ADC04731881FCB17C3692647B44E060C3906A8CEBFBADC4CC5CF65757EB6A668220B1F8666973D21658ACA6CC2F5DE6FB8DFA60E70F07F5CC1B57C574E7E0A46E446EF7CF16F7D964C1C40C96604DD7E725BDE6AF7479A167347800910D2225060F3F614D42B388B7313D522487B3DDDFA2FF23EC95345B7E07E9A73583AC16F8E577F87F2B41F781EE10A96BE57BBB5067DB5BF087FBFCCB166BD602E8397A1263799373B69EA75BF07620A821D9B458D056B46', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071561451000, 4071561451000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-2bc0-8003-83c6-a12d25cc9f91', 'ci.example.com', X'B1C77B2449403876E0EED099E74546392B952F4A7D68BEF02EA468231901D68B322E50113C1564A924B8495AF27F82CDB2079B04EA9249B73B9311F81D3132D1E9ED2B0759927C016635B675EEA80AA93B7DD7923042344BC2828B26CCB6A4452922D8B8D6534B637BDFE2152A4A4A869DBB04290446A906EC20EE39A196150C38E9EFDE64AEC93CDEE2AEDDFABF484A5EA2C0890B0CC7AFFCB711C7E7C2C9497EF8CDB80E5BCEFCA88990ABCAAF3054498EA753DC46FA0B83D7868E47', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071561452000, 4071561452000);
CREATE INDEX stop_requests_due ON stop_requests (due_at);
CREATE INDEX stop_requests_waiting ON stop_requests (host, (attempt > 0), next_at, run_id)
     WHERE lease_until IS NULL AND next_at IS NOT NULL;
CREATE TABLE receiver_responses (
     run_id TEXT PRIMARY KEY,
     sealed BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "receiver_responses" (run_id, sealed) VALUES ('03b3d7a8-23f0-8003-8921-fd96e7a783a1', X'D1663EF857B22A4550631B0516B67D503948D52A3C02F4BF4A163357CDA35D5664C277224B5303E4077A6605');
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
INSERT INTO "messages" (endpoint, run_id, kind, type, state, previous_status, is_resend, weight, attempt, next_at, lease_until, expires_at, due_at, attempts) VALUES ('chat@1', '03b3d7a6-04f8-8003-82b9-d981b909ab22', 'ended', 'action_run.succeeded', 'waiting', NULL, 0, 1119, 1, 4070952159382, NULL, 4071560400000, 4070952159382, '[{"at":4070952155100,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null}]');
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
CREATE INDEX bulk_operations_open ON bulk_operations (id) WHERE is_over = 0;
CREATE INDEX bulk_operations_by_end ON bulk_operations (completed_at) WHERE is_over = 1;
CREATE TABLE bulk_pages (
     bulk_id   TEXT    NOT NULL,
     n         INTEGER NOT NULL,
     undecided INTEGER NOT NULL,
     items     TEXT    NOT NULL,
     PRIMARY KEY (bulk_id, n)
   ) STRICT, WITHOUT ROWID;
