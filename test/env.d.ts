import type { D1Migration } from "cloudflare:test";
import type { Env as ServiceEnv } from "../src/env.ts";

declare global {
  namespace Cloudflare {
    interface Env extends ServiceEnv {
      readonly TEST_MIGRATIONS: D1Migration[];
    }
    interface GlobalProps {
      mainModule: typeof import("./worker.ts");
    }
  }
}
