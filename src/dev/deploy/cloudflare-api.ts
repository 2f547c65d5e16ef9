/** Cloudflare's API, with wrangler's account and address. A refusal becomes a sentence. The token goes nowhere else. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { WRANGLER } from "../wrangler.ts";

const ANSWER_WITHIN_MS = 60_000;

/** The permissions that a path needs, as Cloudflare's page for API tokens names them. The first that matches counts. */
const PERMISSIONS: readonly (readonly [path: RegExp, permission: string])[] = [
  [/\/d1\//, "D1: Edit"],
  [/\/r2\//, "Workers R2 Storage: Edit"],
  [/\/workers\/domains/, "Workers Routes: Edit (of the zone) and Workers Scripts: Edit"],
  [/\/workers\//, "Workers Scripts: Edit"],
  [/^\/accounts/, "Account Settings: Read"],
];
export const ALL_PERMISSIONS =
  "Workers Scripts: Edit, D1: Edit, Account Settings: Read, with an archive Workers R2 Storage: Edit, and with a domain " +
  "Workers Routes: Edit and Zone: Read of its zone";

/** Codes of the API: this is not a valid token, or the token lacks a permission. */
const MISSING_PERMISSION = [10000, 10001, 9109];
/** As wrangler knows them, which does not look at the status. */
const NO_SUCH_WORKER = [10007, 10090];
const INVALID_TOKEN = [1000, 6003, 9106, 6111];

class Refusal extends Error {
  isMissing = false;
}

interface Answer {
  readonly success?: boolean;
  readonly result?: unknown;
  readonly errors?: readonly { readonly code?: number; readonly message?: string }[];
}

export interface Account {
  readonly id: string;
  readonly name: string;
}

type Headers = Readonly<Record<string, string>>;

export class CloudflareApi {
  readonly #headers: Headers;
  // Where wrangler looks, too.
  readonly #base = process.env.CLOUDFLARE_API_BASE_URL || "https://api.cloudflare.com/client/v4";

  private constructor(headers: Headers) {
    this.#headers = headers;
  }

  /** Uses CLOUDFLARE_API_TOKEN, or who is logged in to wrangler. Throws a sentence if there is neither. */
  static async connect(): Promise<CloudflareApi> {
    const token = process.env.CLOUDFLARE_API_TOKEN;
    return new CloudflareApi(token ? { Authorization: `Bearer ${token}` } : await loginOfWrangler());
  }

  /** `path` begins with a slash. Throws a sentence. */
  async call<T>(method: string, path: string, body?: object, headers: Headers = {}): Promise<T> {
    const answer = await this.#fetch(method, path, body, headers);
    const { success, result, errors } = (await answer.json().catch(() => ({}))) as Answer;
    if (success === true) return result as T;
    const { code = 0, message = "no reason" } = errors?.[0] ?? {};
    const isMissing = answer.status === 404 || NO_SUCH_WORKER.includes(code);
    throw Object.assign(new Refusal(refusal(method, path, answer.status, code, message)), { isMissing });
  }

  async find<T>(path: string, headers?: Headers): Promise<T | null> {
    try {
      return await this.call<T>("GET", path, undefined, headers);
    } catch (error) {
      if (error instanceof Refusal && error.isMissing) return null;
      throw error;
    }
  }

  /** Asks once more if the connection broke, as one that waited for wrangler may. No request does harm twice. */
  async #fetch(method: string, path: string, body: object | undefined, headers: Headers) {
    const ask = () =>
      fetch(this.#base + path, {
        method,
        headers: { ...this.#headers, ...headers, ...(body !== undefined && { "Content-Type": "application/json" }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        redirect: "error",
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
    try {
      return await ask().catch((error: unknown) => (error instanceof TypeError ? ask() : Promise.reject(error)));
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const reason = cause instanceof Error ? cause.message : cause;
      throw new Error(`Cloudflare's API did not answer ${method} ${path}: ${reason}. Run the command again.`);
    }
  }

  async account(id?: string): Promise<Account> {
    if (id) {
      const found = await this.find<Account>(`/accounts/${id}`);
      if (found !== null) return found;
      throw new Error(`There is no account ${id} that you can use. Correct account_id, or CLOUDFLARE_ACCOUNT_ID.`);
    }
    const accounts = await this.call<readonly Account[]>("GET", "/accounts");
    const [only] = accounts;
    if (only !== undefined && accounts.length === 1) return only;
    const list = accounts.map(({ id, name }) => `\n  ${id}  ${name}`).join("");
    throw new Error(
      `You can use ${accounts.length} accounts. Write account_id of one of them into deploy.toml.${list}`,
    );
  }
}

function refusal(method: string, path: string, status: number, code: number, message: string): string {
  const said = `Cloudflare refused ${method} ${path} (${status}, code ${code}: ${message}).`;
  if (INVALID_TOKEN.includes(code) || status === 401)
    return `${said} The API token is not valid. Set CLOUDFLARE_API_TOKEN to a valid one, or run \`npx wrangler login\`.`;
  if (status === 403 || MISSING_PERMISSION.includes(code)) {
    const [, permission] = PERMISSIONS.find(([pattern]) => pattern.test(path)) ?? [];
    return `${said} Give the API token the permission ${permission ?? ALL_PERMISSIONS}, for this account. Then run the command again.`;
  }
  return `${said} Run the command again when the cause is gone.`;
}

async function loginOfWrangler(): Promise<Headers> {
  try {
    const args = ["--no-warnings", WRANGLER, "auth", "token", "--json"];
    const env = { ...process.env, WRANGLER_HIDE_BANNER: "true", WRANGLER_SEND_METRICS: "false" };
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    const { token, key, email } = JSON.parse(stdout) as Readonly<Record<string, string>>;
    if (key && email) return { "X-Auth-Key": key, "X-Auth-Email": email };
    if (token) return { Authorization: `Bearer ${token}` };
  } catch {
    // Its output may have the token, so nothing of it is shown.
  }
  throw new Error(
    "You are not logged in to Cloudflare. Run `npx wrangler login`. In CI, set CLOUDFLARE_API_TOKEN to an API token with " +
      `these permissions: ${ALL_PERMISSIONS}.`,
  );
}
