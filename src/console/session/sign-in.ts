/**
 * Finds out what a typed token is, and which environment its holder wants to see. The token itself is kept nowhere: it
 * begins a session and is forgotten.
 */
import { ActionRunsError, createClient, type Schemas } from "../../client/index.ts";
import { checkedName, checkedToken } from "../../client/settings.ts";
import type { Project, Scope } from "../pages.ts";

/** Who is signed in and what the token may do, as `GET /whoami` says. */
export type Holder = Schemas["CurrentToken"];
export type Permission = Holder["permissions"][number];

/** The person of a sign-in at the issuer, or the token's name. */
export function shownName({ issuer, person, name }: Pick<Holder, "issuer" | "person" | "name">): string {
  return (issuer === null ? null : person) ?? name;
}

/** What the browser keeps while somebody is signed in. */
export interface Session {
  /** The half of the session that scripts may read. */
  readonly pageKey: string;
  readonly holder: Holder;
  /** When a page last asked for a renewal, in ms. In the storage, because a page can be open for minutes only. */
  readonly renewedAt: number;
  /** Where the last page was. Pages of the whole project link to the environment's pages with it. */
  readonly scope: Scope;
}

/** The scope that an address names. The environment is null on a page of the whole project. */
export type Address = (Project & { readonly envName: string | null }) | null;

/** What the fields of a scope hold. An empty name is filled from what the token opens. */
export interface Typed {
  readonly org: string;
  readonly project: string;
  readonly env: string;
}

export interface FieldProblem<Field> {
  /** The field that must change, and how. */
  readonly field: Field;
  readonly problem: string;
}

/** The holder of a token, and the environments to choose from. */
export interface Identified {
  readonly holder: Holder;
  readonly environments: readonly Schemas["Place"][];
}

const LABELS = { org: "Organization", project: "Project", env: "Environment" } as const;
/** As many environments as one page shows. Others can be typed. */
export const ENVIRONMENTS_SHOWN = 100;
/** `whoami` and `places` need no scope, but a client has one. */
const NO_SCOPE = { org: "none", project: "none", env: "none" };

/** Throws an ActionRunsError if the service can't answer. `settings`: the service's address. */
export async function identify(
  token: string,
  settings: { readonly baseUrl: string },
): Promise<Identified | FieldProblem<"token">> {
  try {
    checkedToken(token);
  } catch {
    return { field: "token", problem: "Paste the token as it was shown, without spaces or line breaks." };
  }
  const client = createClient({ ...settings, ...NO_SCOPE, token, retries: 1 });
  try {
    const [holder, environments] = await Promise.all([client.whoami(), firstOf(client.places(), ENVIRONMENTS_SHOWN)]);
    return { holder, environments };
  } catch (error) {
    if (!(error instanceof ActionRunsError) || error.status !== 401) throw error;
    return { field: "token", problem: error.message };
  }
}

/** The first `max` of them. */
export async function firstOf<T>(all: AsyncIterable<T>, max: number): Promise<readonly T[]> {
  const first: T[] = [];
  for await (const one of all) if (first.push(one) >= max) break;
  return first;
}

/** Where to go without a question: to the address, if the token opens it, or to the only environment. PURE. */
export function chosenScope(address: Address, { holder, environments }: Identified): Scope | null {
  const known = environments.map(scopeOfEnvironment);
  if (address !== null && opens(holder, address)) {
    const { o, p } = address;
    const envName = address.envName ?? holder.envName ?? known.find((scope) => scope.o === o && scope.p === p)?.envName;
    return envName === undefined ? null : { o, p, envName };
  }
  const [only, ...others] = known;
  return only !== undefined && others.length === 0 ? only : null;
}

/** Whether the token opens the scope. If it does not, the service responds with 404, which does not say why. */
export function opens(holder: Pick<Holder, "project" | "envName">, scope: Address): boolean {
  if (scope === null) return true;
  if (holder.project !== null && holder.project !== `${scope.o}/${scope.p}`) return false;
  return holder.envName === null || scope.envName === null || holder.envName === scope.envName;
}

export function scopeOfEnvironment({ project, envName }: Schemas["Place"]): Scope {
  const [o = "", p = ""] = project.split("/");
  return { o, p, envName };
}

/** The typed names, filled from what the token opens. PURE. */
export function scopeFor(
  typed: Typed,
  holder: Pick<Holder, "project" | "envName">,
): { readonly scope: Scope } | FieldProblem<keyof Typed> {
  const [org, project] = holder.project?.split("/") ?? [];
  const opened = { org, project, env: holder.envName ?? undefined };
  const names = { org: "", project: "", env: "" };
  for (const field of ["org", "project", "env"] as const) {
    const value = typed[field].trim();
    const only = opened[field];
    if (value === "" && only === undefined) {
      return { field, problem: `The token does not say which ${LABELS[field].toLowerCase()}. Type its name.` };
    }
    if (value !== "" && only !== undefined && value !== only) {
      return { field, problem: `The token opens only “${only}”. Type that, or leave the field empty.` };
    }
    try {
      names[field] = checkedName(LABELS[field], value || (only ?? ""));
    } catch (error) {
      return { field, problem: error instanceof Error ? error.message : String(error) };
    }
  }
  return { scope: { o: names.org, p: names.project, envName: names.env } };
}
