import type { D1Migration } from "cloudflare:test";
import type { RunCoordinator } from "../src/runs/coordinator/coordinator.ts";
import type { Env as ServiceEnv } from "../src/settings/env.ts";

declare global {
  namespace Cloudflare {
    interface Env extends Omit<ServiceEnv, "COORDINATORS" | "ARCHIVE"> {
      readonly DB_1: D1Database;
      readonly DB_2: D1Database;
      readonly DB_3: D1Database;
      readonly ARCHIVE: R2Bucket;
      readonly COORDINATORS: DurableObjectNamespace<RunCoordinator>;
      readonly TEST_MIGRATIONS: D1Migration[];
    }
    interface GlobalProps {
      mainModule: typeof import("./support/worker.ts");
    }
  }
}
