/** The bindings, vars and secrets that the platform gives to the Worker and to its objects. */

/** D1 databases besides `DB`: any of `DB_1` to `DB_63`. */
type MoreDatabases = { readonly [binding in `DB_${number}`]?: D1Database };

export interface Env extends MoreDatabases {
  /** The control database, which is also number 0 of those that hold runs. */
  readonly DB: D1Database;
  /** Where runs go whose retention is over. Without it, they are deleted. */
  readonly ARCHIVE?: R2Bucket;
  /** Comma-separated numbers of the databases in which new environments live. Default: 0. */
  readonly NEW_ENVIRONMENTS?: string;
  readonly COORDINATORS: DurableObjectNamespace;
  /** Where coordinators run and store: "eu", or wherever the platform puts them. Never changes after the first run. */
  readonly JURISDICTION?: string;
  readonly UNKNOWN_TOKEN_LIMIT: RateLimit;
  /** The OpenAPI document and the files of the API explorer. */
  readonly ASSETS: Fetcher;
  /** Secret. 1 to 4 comma-separated keys: the first signs, all verify. */
  readonly CALLBACK_SIGNING_KEYS?: string;
  /** Secret. The operator's token. A token that is easy to guess is ignored. */
  readonly ROOT_TOKEN?: string;
  /** The start of callback URLs and links. Triggers need it outside loopback. Default: the request's origin. */
  readonly PUBLIC_URL?: string;
  /** Comma-separated origins from which browsers may call. Default: no CORS. */
  readonly CORS_ORIGINS?: string;
  /** Whole days that a finished run is kept. */
  readonly RETENTION_DAYS?: string;
  /** Whole days that an audit entry is kept. */
  readonly AUDIT_RETENTION_DAYS?: string;
  /** Comma-separated ports that webhooks may go to besides 443. */
  readonly WEBHOOK_PORTS?: string;
  /** Comma-separated hosts, `*.` allowed, that webhooks may go to. Default: any public host. */
  readonly WEBHOOK_HOSTS?: string;
  /** JSON list of the issuers whose proofs count (issuers.ts). Default: none, and nothing of identity exists. */
  readonly OIDC_ISSUERS?: string;
  /** Secret. The client secret at the issuer with which people sign in. Default: a public client. */
  readonly OIDC_CLIENT_SECRET?: string;
  /** "true" lets codes begin a session of the operator. Only `npm start` sets it. */
  readonly SIGN_IN_CODES?: string;
  /** "true" lets webhooks go to http and to loopback, in development only. */
  readonly ALLOW_INSECURE_WEBHOOKS?: string;
}
