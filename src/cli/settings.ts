/**
 * Where a command's settings come from: flags, then the environment (both by commander), then the profile. A token
 * is never the value of a flag: everybody on the machine can read a process's command line.
 */

import { callback, createClient } from "../client/index.ts";
import { UsageError } from "./exit.ts";
import { checkToken, readToken } from "./input.ts";
import { DEFAULT_PROFILE, type Profile, profileNames, profilePath, readProfile } from "./profile.ts";

const SECOND_MS = 1000;

export type Client = ReturnType<typeof createClient>;
export type Callback = ReturnType<typeof callback>;

export interface PlaceFlags {
  readonly url?: string;
  readonly org?: string;
  readonly project?: string;
  readonly env?: string;
  /** Missing where none is named. */
  readonly profile?: string;
}

export interface CallFlags {
  readonly retries?: number;
  /** Seconds. */
  readonly requestTimeout: number;
}

export interface ConnectionFlags extends PlaceFlags, CallFlags {
  readonly tokenStdin?: boolean;
}

export interface CallbackFlags extends CallFlags {
  readonly callbackUrl?: string;
  readonly tokenStdin?: boolean;
}

const OR = new Intl.ListFormat("en", { style: "long", type: "disjunction" });

const HOW: Readonly<Record<keyof Profile, string>> = {
  url: "Say which server: --url, ACTION_RUNS_URL, or action-runs login.",
  org: "Say which organisation: --org, ACTION_RUNS_ORG, or action-runs login.",
  project: "Say which project: --project, ACTION_RUNS_PROJECT, or action-runs login.",
  env: "Say which environment: --env, ACTION_RUNS_ENV, or action-runs login.",
  token: "Give a token: --token-stdin, ACTION_RUNS_TOKEN, or action-runs login.",
};

/** A client of the place that the settings name. Throws UsageError for what is missing. */
export async function connect(flags: ConnectionFlags, { needsEnv = true } = {}): Promise<Client> {
  const profile = namedProfile(flags.profile);
  const place = {
    baseUrl: checkUrl(pick("url", flags, profile), "--url"),
    org: pick("org", flags, profile),
    project: pick("project", flags, profile),
    // Tokens belong to a project; the client wants an environment all the same.
    env: needsEnv ? pick("env", flags, profile) : flags.env || profile.env || "none",
  };
  const token = flags.tokenStdin
    ? await readToken("--token-stdin")
    : tokenFromElsewhere(place.baseUrl, profile, flags.profile);
  return made(() => createClient({ ...place, token, ...calling(flags) }));
}

/** The profile of this name, which must exist; the default one where none is named, which need not. */
function namedProfile(name: string | undefined): Profile {
  const profile = readProfile(profilePath(name ?? DEFAULT_PROFILE));
  if (profile !== null) return profile;
  if (name === undefined) return {};
  const others = profileNames();
  const those = others.length === 0 ? "" : `You can use ${OR.format(others)}. `;
  throw new UsageError(
    `There is no profile ${name}. ${those}Make it with: action-runs login --profile ${name}`,
  );
}

function pick(name: "url" | "org" | "project" | "env", flags: PlaceFlags, profile: Profile): string {
  const value = flags[name] || profile[name];
  if (!value) throw missing(name, flags.profile);
  return value;
}

/** Whoever has kept it under another name than the usual one is told which there are. */
function missing(name: keyof Profile, profile: string | undefined): UsageError {
  const others = profile === undefined ? profileNames().filter((one) => one !== DEFAULT_PROFILE) : [];
  if (others.length === 0) return new UsageError(HOW[name]);
  const those = OR.format(others.map((one) => `--profile ${one}`));
  return new UsageError(`${HOW[name]} Or name one of your profiles: ${those}.`);
}

function tokenFromElsewhere(url: string, profile: Profile, named: string | undefined): string {
  const fromEnv = process.env.ACTION_RUNS_TOKEN;
  if (fromEnv) return checkToken(fromEnv, "ACTION_RUNS_TOKEN");
  if (!profile.token) throw missing("token", named);
  // Or whoever sets a variable, a checked-out .env file for one, is sent the token.
  if (new URL(profile.url ?? "none:").origin !== new URL(url).origin) {
    throw new UsageError(`The profile's token is for another server than ${url}. ${HOW.token}`);
  }
  return checkToken(profile.token, "The profile");
}

/** What the callback's URL and token open. Throws UsageError for what is missing. */
export async function connectCallback(
  flags: CallbackFlags,
  options: { readonly idempotencyKey?: string; readonly retries?: number } = {},
): Promise<Callback> {
  if (!flags.callbackUrl) {
    throw new UsageError(
      "There is no callback: set CALLBACK_URL and CALLBACK_TOKEN, as the run's callback has them.",
    );
  }
  const url = checkUrl(flags.callbackUrl, "CALLBACK_URL");
  const token = flags.tokenStdin
    ? await readToken("--token-stdin")
    : checkToken(process.env.CALLBACK_TOKEN ?? "", "CALLBACK_TOKEN");
  return made(() => callback(url, token, { ...calling(flags), ...options }));
}

/** What the client says of a setting is worth repeating: it names it, and no secret. */
export function made<T>(make: () => T): T {
  try {
    return make();
  } catch (fault) {
    if (fault instanceof TypeError) throw new UsageError(fault.message);
    throw fault;
  }
}

export function calling({ retries, requestTimeout }: CallFlags) {
  return { timeoutMs: requestTimeout * SECOND_MS, ...(retries === undefined ? {} : { retries }) };
}

/** An address to send a token to, without the slash at its end. Throws UsageError. */
export function checkUrl(text: string, from: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${from}: give an address such as https://runs.example.com.`);
  }
  if (url.username !== "" || url.password !== "" || url.hash !== "" || url.search !== "") {
    throw new UsageError(`${from}: leave user, password, query and fragment out of the address.`);
  }
  return url.href.replace(/\/+$/, "");
}
