/**
 * Where settings come from: flags, then the environment (commander reads both), then the profile. A token is never a
 * flag's value, because everybody on the machine can read a command line.
 */

import { type Callback, type Client, callback, createClient } from "../client/index.ts";
import { UsageError } from "./exit.ts";
import { checkToken, readToken } from "./input.ts";
import { DEFAULT_PROFILE, type Profile, profileNames, profilePath, readProfile } from "./profile.ts";
import { proxiedFetch } from "./proxy.ts";

const SECOND_MS = 1000;

export interface ScopeFlags {
  readonly url?: string;
  readonly org?: string;
  readonly project?: string;
  readonly env?: string;
  /** Undefined if no profile is named. */
  readonly profile?: string;
}

export interface CallFlags {
  readonly retries?: number;
  /** Seconds. */
  readonly requestTimeout: number;
}

export interface ConnectionFlags extends ScopeFlags, CallFlags {
  readonly tokenStdin?: boolean;
  readonly onBehalfOf?: string;
}

export interface CallbackFlags extends CallFlags {
  readonly callbackUrl?: string;
  readonly tokenStdin?: boolean;
}

const OR = new Intl.ListFormat("en", { style: "long", type: "disjunction" });

const HOW: Readonly<Record<keyof Profile, string>> = {
  url: "The server is missing. Use --url, ACTION_RUNS_URL, or action-runs login.",
  org: "The organization is missing. Use --org, ACTION_RUNS_ORG, or action-runs login.",
  project: "The project is missing. Use --project, ACTION_RUNS_PROJECT, or action-runs login.",
  env: "The environment is missing. Use --env, ACTION_RUNS_ENV, or action-runs login.",
  token: "The token is missing. Use --token-stdin, ACTION_RUNS_TOKEN, or action-runs login.",
};

/**
 * A client for the environment that the settings name. Throws UsageError if a setting is missing. `needsEnv` and
 * `needsProject`: false for what belongs to a project or to a token.
 */
export async function connect(flags: ConnectionFlags, { needsEnv = true, needsProject = true } = {}): Promise<Client> {
  const profile = namedProfile(flags.profile);
  const picked = (name: "org" | "project") =>
    needsProject ? pick(name, flags, profile) : flags[name] || profile[name] || "none";
  const scope = {
    baseUrl: checkUrl(pick("url", flags, profile), "--url"),
    org: picked("org"),
    project: picked("project"),
    // Tokens belong to a project, but the client always needs an environment.
    env: needsEnv ? pick("env", flags, profile) : flags.env || profile.env || "none",
  };
  const token = flags.tokenStdin
    ? await readToken("--token-stdin")
    : tokenFromElsewhere(scope.baseUrl, profile, flags.profile);
  const { onBehalfOf } = flags;
  return made(() => createClient({ ...scope, token, onBehalfOf, ...calling(flags) }));
}

/** The named profile, which must exist, or the default profile, which may be missing. */
function namedProfile(name: string | undefined): Profile {
  const profile = readProfile(profilePath(name ?? DEFAULT_PROFILE));
  if (profile !== null) return profile;
  if (name === undefined) return {};
  const others = profileNames();
  const those = others.length === 0 ? "" : `You can use ${OR.format(others)}. `;
  throw new UsageError(`There is no profile ${name}. ${those}Create it with: action-runs login --profile ${name}`);
}

function pick(name: "url" | "org" | "project" | "env", flags: ScopeFlags, profile: Profile): string {
  const value = flags[name] || profile[name];
  if (!value) throw missing(name, flags.profile);
  return value;
}

/** The error for a missing setting. It names the user's profiles besides the default one. */
function missing(name: keyof Profile, profile: string | undefined): UsageError {
  const others = profile === undefined ? profileNames().filter((one) => one !== DEFAULT_PROFILE) : [];
  if (others.length === 0) return new UsageError(HOW[name]);
  const those = OR.format(others.map((one) => `--profile ${one}`));
  return new UsageError(`${HOW[name]} Or use one of your profiles: ${those}.`);
}

function tokenFromElsewhere(url: string, profile: Profile, named: string | undefined): string {
  const fromEnv = process.env.ACTION_RUNS_TOKEN;
  if (fromEnv) return checkToken(fromEnv, "ACTION_RUNS_TOKEN");
  if (!profile.token) throw missing("token", named);
  // Otherwise anyone who sets a variable, for example in a checked-out .env file, could receive the token.
  if (new URL(profile.url ?? "none:").origin !== new URL(url).origin) {
    throw new UsageError(
      `The profile's token is for another server than ${url}. Use --token-stdin, ACTION_RUNS_TOKEN, or action-runs login.`,
    );
  }
  return checkToken(profile.token, "The profile");
}

/** The callback of a run. Throws UsageError if its URL or token is missing. */
export async function connectCallback(
  flags: CallbackFlags,
  options: { readonly idempotencyKey?: string; readonly retries?: number } = {},
): Promise<Callback> {
  if (!flags.callbackUrl) {
    throw new UsageError(
      "The callback is missing. Set CALLBACK_URL and CALLBACK_TOKEN to the URL and the token of the run's callback.",
    );
  }
  const url = checkUrl(flags.callbackUrl, "CALLBACK_URL");
  const token = flags.tokenStdin
    ? await readToken("--token-stdin")
    : checkToken(process.env.CALLBACK_TOKEN ?? "", "CALLBACK_TOKEN");
  return made(() => callback(url, token, { ...calling(flags), ...options }));
}

/** Turns the client's TypeError for a setting into a usage error. Its message names the setting and holds no secret. */
export function made<T>(make: () => T): T {
  try {
    return make();
  } catch (fault) {
    if (fault instanceof TypeError) throw new UsageError(fault.message);
    throw fault;
  }
}

export function calling({ retries, requestTimeout }: CallFlags) {
  return { timeoutMs: requestTimeout * SECOND_MS, retries, fetch: proxiedFetch() };
}

/** A server's address, without a slash at the end. Throws UsageError. */
export function checkUrl(text: string, from: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${from}: use an address such as https://runs.example.com.`);
  }
  if (url.username !== "" || url.password !== "" || url.hash !== "" || url.search !== "") {
    throw new UsageError(`${from}: remove user, password, query and fragment from the address.`);
  }
  return url.href.replace(/\/+$/, "");
}
