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
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396955660293048, '03b3d7a6-1880-8002-89dc-0fa85ade83ce', 2, 2, 'failed', 'deploy', NULL, 'root', 4070952016000, NULL, 4070952076000, 4070952076000, 4073544076000, 4073544076000, 0, 4070952136000, 1028, 'm:03b3d7a6-1880-7a52-a104-cd7ffe75d6f7', '', NULL, 'm:d78df6df-13d8-4390-ba05-db82549ffee7', '', NULL, 4070952016000, 'deadline', NULL, 60000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', '[timeout] No result was reported by 2099-01-01T12:01:16.000Z.', NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959821852944, '03b3d7a8-0898-8002-b888-6b5b2b5c8afc', 1, 3, 'pending', 'deploy', NULL, 'root', 4070952143000, NULL, NULL, 4070957543000, 4073549543000, 4070957543000, 0, 4070952143000, 1028, 'm:03b3d7a8-0898-7e73-a15c-47a8541cb799', '', NULL, NULL, NULL, NULL, 4070952143000, NULL, NULL, 5400000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959952908479, '03b3d7a8-1838-8002-985f-a5b9b126155d', 1, 4, 'pending', 'flaky', NULL, 'ci', 4070952147000, NULL, NULL, 4070955747000, 4073547747000, 4070952156316, 0, 4070952147000, 1044, 'm:03b3d7a8-1838-7aa4-b806-318768e67b42', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959985671432, '03b3d7a8-1c20-8002-8e84-16fa3aa1ed38', 1, 5, 'pending', 'release', NULL, 'ci', 4070952148000, NULL, NULL, 4071562348000, 4074154348000, 4071556948000, 0, 4070952148000, 1044, 'm:03b3d7a8-1c20-7a78-a00d-da1f6a7b4f0e', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5400000, '{"notBefore":null,"approval":{"required":1,"allowSelf":false},"concurrency":null,"waitUntil":4071556948000,"creator":{"tokenId":"03b3d7a5-da00-75d8-a0a6-5b029619b71a","tokenName":"ci","parents":["03b3d7a5-da00-7aa3-8c6a-259da8f871ed"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'approval', 4070952148000, NULL, NULL, NULL, NULL, NULL, NULL, '', '', 'early', '03b3d7a5-da00-75d8-a0a6-5b029619b71a', 746, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960018436295, '03b3d7a8-2008-8002-8863-e9970df559cf', 1, 6, 'pending', 'ship', NULL, 'ci', 4070952149000, NULL, NULL, 4071565948000, 4074157948000, 4070955748000, 0, 4070952149000, 1044, 'm:03b3d7a8-2008-7678-94cb-d1bbb69bb456', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5400000, '{"notBefore":4070955748000,"approval":null,"concurrency":null,"waitUntil":4071560548000,"creator":{"tokenId":"03b3d7a5-da00-75d8-a0a6-5b029619b71a","tokenName":"ci","parents":["03b3d7a5-da00-7aa3-8c6a-259da8f871ed"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'time', 4070952149000, NULL, NULL, NULL, NULL, NULL, NULL, '', '', 'early', '03b3d7a5-da00-75d8-a0a6-5b029619b71a', 613, '["team:shop"]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
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
INSERT INTO "previews" (run_id, request) VALUES ('03b3d7a8-1c20-8002-8e84-16fa3aa1ed38', '{"method":"POST","url":"https://ci.example.com/hooks/shop","headers":{"Authorization":null},"payload":{"token":null,"callback":null}}');
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
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8002-985f-a5b9b126155d', 2, 'attempt_started', 4070952147000, '{"attempt":1,"host":"down.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8002-985f-a5b9b126155d', 3, 'attempt_answered', 4070952148000, '{"attempt":1,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:28.672Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8002-985f-a5b9b126155d', 4, 'attempt_started', 4070952155300, '{"attempt":2,"host":"down.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8002-985f-a5b9b126155d', 5, 'attempt_answered', 4070952155300, '{"attempt":2,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:36.316Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1c20-8002-8e84-16fa3aa1ed38', 2, 'waiting', 4070952148000, '{"for":"approval","until":"2099-01-08T12:02:28.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-2008-8002-8863-e9970df559cf', 2, 'waiting', 4070952149000, '{"for":"time","until":"2099-01-08T13:02:28.000Z","notBefore":"2099-01-01T13:02:28.000Z"}');
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
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-1838-8002-985f-a5b9b126155d', 'down.example.com', X'2014985DD45C2FB20DEA38FC2CA4CED0426A721BB300623E8C51D42B9343AF5D7C75F72C1492F2CA70B28B2842CA29A63C52FA392D6AD2F9FACA8E41AD2DCFA3787ABC5919FCC3EB8826020107F2F5EB19EDE1402D5A2DA1B98284A4169E7559B520B0E9232C5BCC4C09C8EE00AD66F936FF20B9212FA47A4D657A2DCA00B8E9CC7B040D8463A61E0ADDEF3B330990C123274D3E0ED37A83B31FAE6A229C45AFBA7A4869F29F639C7D6C3D4AD2FAAA9B2803D79ABE1827201381B94C642A9B8FE79E7D6BB72E54BDF9316C9FFD4ABAC41CA1AB0F6F3E8311AE3C13E6E40F0FE1129797B9CAA204C0EB5E560244A160CE5BF388F3B405CC3109690A46C1622340FF5E05CBAD24038C99075BE63FE7735326B3EF6A33B47A40E94475C85D0EE00609F287B63BB6FA5D0ADEC3E6F5ADD4586CE1BD577D6D31EF0D4DC2E2BD8833CB455B1FA395E31409DD9F6CE71F5C02F8FEA75FFBA71BD3B2BB00F1D903413AAA0B85B3B4B0664A528E5DBE228B0E54C3243A691DC29C3DC96A8F402F7D237E3E488139AC2F1F68B5207936A1C10BEEC0C684C02C7A41E95CC9674011CB844860742D9F223489411E33433ED3EEFF6FA8C46CA9AC407FA3DA7901B7C2427D4A72EB9F46A8837AF934FA753217C8FD03AF9498B10B68E2B422DBAF02F44871A0D1D9E75C8B5660652904B5EB809FC218DD8A3D45517B8DEA03795ADC2D595326972A2F88D62E58385E1E30CB06ED8F3221DD615BEB45350D2A8535CC35058B1D72CD37A170253CAD711A712C0017219000602BF279B1FC3DF5D80BB937B3E829BD0249C64A37C0A470CA1573E385A23AB08770E4D8AFC220DE78AB86DE1FBC2588DB19EFF468990E7B320E6C383A5F2B230F15E6A0C3A656C61C9A7D28990989C86DE8F9B316B96CE46AB6FE31F781A329EDED5E3AC8066487D61F4A286B65B14F2E17FBF32BBC33B151203DED8A9544FC8C53E7BDD63E5886A0A760DB7C705DDF3F32198F99209A6E2864BA84DC85E4E5754646411547261241DDA5830191DAD83C1B19BABE625F7E31D1471E1D5CC830E11CB4F4457686ABF14C9BE5178BE0F3945FDA442C01ED813EA3D4E49311EB2456488CFBE13A9D5E345E5D7C', 'accepted', NULL, 1000, 4070953947000, 2, 4070952156316, NULL, 0, 0, 4682);
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-1c20-8002-8e84-16fa3aa1ed38', 'ci.example.com', X'ECF91F51FAAD697F973720507D50412ED74818F4157463FE921FDA48E4B8D011613F716151B118D71B20B7E9DC9F7311633D048D997D6300BFDBE3F1B4B3C7952648606B6423D8962291744B47886D084BA78472C25E95A18E7E6DF157FB17B4069A34B407F969C303967D0F54847E74D970A9ACC81A0DB2C34A957C263A7D360BFB48C622C3831B67B3B4815F36BE59F36BE45B3DDE50D9C8AEE8C047AAEBC573EC6C84560857C34EAA31856FDCEB46D732F92841509F2F31E5EEEE12DF64649658B2909816BA032725D29BEAC86C3765236B984B8DBC2872E46EEE1302E6F5F5D5342FF2344F8F7304E729C27F4BB3674D69D3E1B99CC377BCE6F62B917E5C362908FD7B6CB3DD2B952C6E89358746ABD79BEB9AFECC93D752340CEA7DD6A2DC6D44FCC278B83678E1A607DE254ACCF715E408F2A8937E2DF04D1D022C035579B851B4DA4B752C3F18AB4248EC68D81B228923F9C08AC600120ACE745BBE1A56E78227D1EBDEB3D390623077606492C7F001FAB265985A92B03B70DDC95C8905726098F45BEDB11E335117C18F4CBA739FE600D1C7616841D9E300B08FA8812F99C05C48923EF2', 'accepted', NULL, 1000, 4070955748000, 0, NULL, NULL, 0, 0, 8381);
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-2008-8002-8863-e9970df559cf', 'ci.example.com', X'3FFC4582A833EB8E1C4A782162C9ABA797789B51ADF48F8118ED8D3FD086A690C287EE3185FB1A0755E7ECBB92550442647903353A5F8404DC7F3648CDE6E456FE5E41D4572B26F1C3273D7BFCBA044EAF09E3B2842235F34F9D7D7306544FE94AB0F2125218BAD70651DC4449FEB3AEF62B00EB78F4E5870571E8070DBF44CF946B4200E72369CE7B0DAE43162B8655B36BF39D2E3EF5125EE4A7A7DC5128EB910256A4107C85B3BE311FF6ECA49EA9B6D27B28EDD428F6BE79A343741535EC02A7A7DDC6F86D85B8ABE4D3717F1D5521FD37A348A048A607B7A06A89CF868A8723F7873B1BF3BFB6D5E7674E0BDC50A2AD94A3008BCCF663EA2B3E59DB3E60A3ADF57E1EF6CCAC8EF941F843337D5A339CB04C11B330F48CF778BFDA98DFD02F9EA81CF253D3F35877493F8391F9DB53B77A349961BB6190015ADB728EE7FD64993A97B3A72FB142FFB33626E736A8C439F3C55BEF5579FC0A60E7386FF6CDC33016EC0037F31E1363FFA2A2A83E6CF26D6AB798870E29C67AB9F2B31C172B755442DDE96FC4C2951473FE5EB3ABAFD609746741A5E2C113034F416998FF4E8385981DF8BC7FEE', 'accepted', NULL, 1000, 4070955749000, 0, NULL, NULL, 0, 0, 8381);
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '6');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/2');
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
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-1c20-8002-8e84-16fa3aa1ed38', 'ci.example.com', X'D7F7E7860F8CEB3147AB0067B9C9D3D90853A7EF6B48A7E421E53756469485346F1A6FD0EFE7EF47DACFE3608EE24C92233709E601E18B11C536CF292A11497DDBD59A168CCA63CA58A97678D916523C8D84E4B45839BA2772F0B2FF2953EA9E640CEAE49E2B7BFBE151C7C1D63BBA56DD21E5B8C0707B61E53627759D06FFC5CB10A2D4F0CC99FD3E5EE32362F189D528F1FD269523CB7B8AD746774B9BBDBD3A1D9147287DA7D7DB9D48EC84BF90D99049874EDA5CA52F968F8DF348', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071563248000, 4071563248000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-2008-8002-8863-e9970df559cf', 'ci.example.com', X'B196BEA3A23A3D4E0D4ADF477A964FE49B89AAF75DB66E1E192F36CD0E16D4CDCD5D38EC749DE9E7771C4EB6962F62DA3D98BE1109D8B737D84EDAF2F434209BAEFDA1FA7E1BACC5C3EF0AB7068F842864D530365FCEC1CD6F5BD1D54D39953EA8A943F9E1AFD07DC7C3307794003357F08311156581B0189B8DCCBBCFD6062A88CE60498CE638D11F03A35096D29CD0FE165234DEB9A241554D46F2B7F25809BF221AF4B94C88E5F4D218A3836B596CEFEB0DEB87B7D37B8679506A1F', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071566848000, 4071566848000);
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
INSERT INTO "messages" (endpoint, run_id, kind, type, state, previous_status, is_resend, weight, attempt, next_at, lease_until, expires_at, due_at, attempts) VALUES ('chat@1', '03b3d7a6-1880-8002-89dc-0fa85ade83ce', 'ended', 'action_run.failed', 'waiting', 'failed', 0, 1028, 2, 4070952459293, NULL, 4071560400000, 4070952459293, '[{"at":4070952139000,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null},{"at":4070952155300,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null}]');
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
