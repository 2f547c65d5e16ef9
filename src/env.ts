/** What the platform hands to the Worker and to its objects: wrangler.toml's bindings, vars and secrets. */

import type { RunCoordinator } from "./runs/coordinator.ts";

export interface Env {
  readonly DB: D1Database;
  readonly COORDINATORS: DurableObjectNamespace<RunCoordinator>;
  readonly UNKNOWN_TOKEN_LIMIT: RateLimit;
  /** Secret. 1 to 4 comma-separated keys: the first signs, all verify. */
  readonly CALLBACK_SIGNING_KEYS?: string;
  /** Secret. The operator's token; off when under 32 characters. */
  readonly ROOT_TOKEN?: string;
  /** What callback URLs and links start with; the request's origin when unset. */
  readonly PUBLIC_URL?: string;
  /** Comma-separated origins that browsers may call from; CORS is off when unset. */
  readonly CORS_ORIGINS?: string;
  /** Whole days a finished run is kept. */
  readonly RETENTION_DAYS?: string;
}
