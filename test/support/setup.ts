import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, vi } from "vitest";
import { requireDatabase } from "../../src/health/readiness.ts";
import { requireRealTimers } from "./clock.ts";
import { resetFaults } from "./faults.ts";

// The file before had the same runtime. Delete what it stored, so that none of its alarms rings in this file.
await reset();
await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
// The isolate remembers for some seconds whether D1 was ready. What it learned in the future counts as long ago.
vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2100-01-01") });
await requireDatabase(env.DB, { d1: 0, coordinator: 0 }, "");
vi.useRealTimers();

afterEach(() => {
  resetFaults();
  requireRealTimers();
});
