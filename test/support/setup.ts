import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, vi } from "vitest";
import { requireDatabase } from "../../src/service/health-routes.ts";

import { requireRealSetTimeout } from "./clock.ts";
import { endEarlierFiles, resetFaults } from "./faults.ts";
import { requireNoRequestLeft, useNewAddress } from "./requests.ts";
import { resetChanged, set, stayOnThisMachine } from "./settings.ts";
import { askWhatLacks, prepareDatabase } from "./use-settings.ts";

set();
stayOnThisMachine();
importMainOnce();

// The file before had the same runtime. Delete what it stored, so that none of its alarms rings in this file.
endEarlierFiles();
await reset();
await prepareDatabase("DB", 0);
// The isolate remembers for some seconds whether D1 was ready. Ask for it in the year 2100: back in the present, the
// answer counts as old, so the file's own first question reaches D1.
vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2100-01-01") });
const keys = { secrets: "", requests: "" };
await requireDatabase({ db: env.DB, keys, withReport: false }, { d1: 0, coordinator: 0 });
vi.useRealTimers();
await askWhatLacks();

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
  resetChanged();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  requireRealSetTimeout();
  requireNoRequestLeft();
});

interface ModuleRunner {
  import(id: string, ...more: readonly unknown[]): Promise<unknown>;
}

/**
 * Before each request and each call of an object, the pool imports the Worker's module anew, and Vitest asks its own
 * process where that module is. This takes as long as a small request. The module never changes, so it is imported
 * once. Each file may have its own runner.
 */
function importMainOnce(): void {
  const { __vitest_mocker__: mocker } = globalThis as { __vitest_mocker__?: { moduleRunner: ModuleRunner } };
  const runner = mocker?.moduleRunner;
  if (runner === undefined || Object.hasOwn(runner, "import")) return;
  const importAnew = runner.import.bind(runner);
  let main: Promise<unknown> | undefined;
  runner.import = (id, ...more) => {
    if (!id.endsWith("/test/support/worker.ts")) return importAnew(id, ...more);
    main ??= importAnew(id, ...more);
    return main;
  };
}
