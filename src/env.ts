/** What the platform hands to the Worker and to its objects: wrangler.toml's bindings, vars and secrets. */

export interface Env {
  readonly DB: D1Database;
  readonly COORDINATORS: DurableObjectNamespace;
  readonly UNKNOWN_TOKEN_LIMIT: RateLimit;
  /** The OpenAPI document and the files of the API explorer. */
  readonly ASSETS: Fetcher;
  /** Secret. 1 to 4 comma-separated keys: the first signs, all verify. */
  readonly CALLBACK_SIGNING_KEYS?: string;
  /** Secret. The operator's token; off if it is too short or too uniform to be random. */
  readonly ROOT_TOKEN?: string;
  /** What callback URLs and links start with; the request's origin when unset. */
  readonly PUBLIC_URL?: string;
  /** Comma-separated origins that browsers may call from; CORS is off when unset. */
  readonly CORS_ORIGINS?: string;
  /** Whole days a finished run is kept. */
  readonly RETENTION_DAYS?: string;
  /** Comma-separated ports that webhooks may be sent to besides 443. */
  readonly WEBHOOK_PORTS?: string;
  /** Comma-separated hosts, `*.` allowed, that alone webhooks may be sent to; any public host when unset. */
  readonly WEBHOOK_HOSTS?: string;
  /** "true" lets webhooks go to http and to loopback, in development only. */
  readonly ALLOW_INSECURE_WEBHOOKS?: string;
}
