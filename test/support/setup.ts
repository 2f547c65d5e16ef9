import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, vi } from "vitest";
import { forgetLacking, lacksDatabase } from "../../src/database/database-state.ts";
import { requireDatabase } from "../../src/health/readiness.ts";

import { requireRealSetTimeout } from "./clock.ts";
import { endEarlierFiles, resetFaults } from "./faults.ts";
import { importMainOnce } from "./main-module.ts";
import { requireNoRequestLeft, useNewAddress } from "./requests.ts";
import { moreDatabases, stayOnThisMachine, useSettingsOf } from "./settings.ts";

useSettingsOf(expect.getState().testPath ?? "");
stayOnThisMachine();
importMainOnce();

// The file before had the same runtime. Delete what it stored, so that none of its alarms rings in this file.
endEarlierFiles();
await reset();
for (const [number, name] of (["DB", ...moreDatabases()] as const).entries()) {
  await applyD1Migrations(env[name], env.TEST_MIGRATIONS);
  await env[name].prepare("INSERT OR REPLACE INTO database_number (id, number) VALUES (1, ?)").bind(number).run();
}
// The isolate remembers for some seconds whether D1 was ready. Ask for it in the year 2100: back in the present, the
// answer counts as old, so the file's own first question reaches D1.
vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2100-01-01") });
const keys = { secrets: "", requests: "" };
await requireDatabase({ db: env.DB, keys, withReport: false }, { d1: 0, coordinator: 0 });
vi.useRealTimers();
// An isolate asks once. So that no test of a list counts that question, it is asked here.
forgetLacking();
await lacksDatabase(env, { d1: 0, coordinator: 0 });

useNewAddress();

// The service logs a line per request. Sending each one to the terminal's process would cost more than the request, so
// only those of a test that failed are sent.
let logged: unknown[] = [];
console.log = (line: unknown) => {
  logged.push(line);
};
const { info } = console;

afterEach(({ task }) => {
  if (task.result?.state === "fail") for (const line of logged) info(line);
  logged = [];
  resetFaults();
  requireRealSetTimeout();
  requireNoRequestLeft();
});
