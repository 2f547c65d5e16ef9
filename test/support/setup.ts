import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach } from "vitest";
import { resetFaults } from "./faults.ts";

// The file before had the same runtime. Delete what it stored, so that none of its alarms rings in this file.
await reset();
await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
afterEach(resetFaults);
