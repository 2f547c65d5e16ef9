/**
 * Turns what somebody typed into a session. ROOT_TOKEN is used here and never kept, because everything in
 * `sessionStorage` can be read by the API explorer's script in the same tab. It mints an owner token for the project.
 */

import { ActionRunsError, type CurrentToken, createClient } from "../../client/index.ts";
import { checkedName, checkedToken } from "../../client/settings.ts";
import type { Scope } from "../routes/pages.ts";

/** Who holds a token and what the token may do, as `GET /whoami` says. */
export type Holder = CurrentToken;
export type Permission = Holder["permissions"][number];

/** What one tab keeps while somebody is signed in. */
export interface Session {
  readonly token: string;
  readonly holder: Holder;
  /** Where the last page was. Pages of the whole project link to the environment's pages with it. */
  readonly scope: Scope;
  /** The token's id if the sign-in minted it, because then the sign-out revokes it. Otherwise null. */
  readonly mintedId: string | null;
}

/** What the form's fields hold. An empty name is filled from what the token opens. */
export interface Typed {
  readonly token: string;
  readonly org: string;
  readonly project: string;
  readonly env: string;
}

export type SignedIn =
  | { readonly session: Session }
  /** The field that must change, and how. */
  | { readonly field: keyof Typed; readonly problem: string };

const LABELS = { org: "Organization", project: "Project", env: "Environment" } as const;
const MINTED_FOR_MS = 12 * 60 * 60 * 1000;
const MINTED_NAME = "console";
/** `whoami` needs no scope, but a client has one. */
const NO_SCOPE = { org: "none", project: "none", env: "none" };

/** Throws an ActionRunsError if the service can't answer. `settings`: the service's address. */
export async function signIn(typed: Typed, settings: { readonly baseUrl: string }): Promise<SignedIn> {
  const token = typed.token.trim();
  try {
    checkedToken(token);
  } catch {
    return { field: "token", problem: "Paste the token as it was shown, without spaces or line breaks." };
  }
  let holder: Holder;
  try {
    holder = await createClient({ ...settings, ...NO_SCOPE, token, retries: 1 }).whoami();
  } catch (error) {
    if (!(error instanceof ActionRunsError) || error.status !== 401) throw error;
    return {
      field: "token",
      problem:
        "The service does not accept this token. Check that you copied all of it and that it has not expired.",
    };
  }
  const filled = scopeFor(typed, holder);
  if ("field" in filled) return filled;
  const { scope } = filled;
  if (holder.project !== null) return { session: { token, holder, scope, mintedId: null } };
  const operator = createClient({ ...settings, org: scope.o, project: scope.p, env: scope.envName, token });
  const expiresAt = new Date(Date.now() + MINTED_FOR_MS).toISOString();
  const minted = await operator.tokens.create({ name: MINTED_NAME, role: "owner", expiresAt });
  const { id, name, role } = minted;
  const permissions = holder.permissions;
  const ofProject = {
    id,
    name,
    role,
    permissions,
    project: `${scope.o}/${scope.p}`,
    envName: null,
    expiresAt,
  };
  return { session: { token: minted.token, holder: ofProject, scope, mintedId: id } };
}

/** The typed names, filled from what the token opens. PURE. */
export function scopeFor(
  typed: Omit<Typed, "token">,
  holder: { readonly project: string | null; readonly envName: string | null },
): { readonly scope: Scope } | Extract<SignedIn, { readonly field: unknown }> {
  const [org, project] = holder.project?.split("/") ?? [];
  const opened = { org, project, env: holder.envName ?? undefined };
  const names = { org: "", project: "", env: "" };
  for (const field of ["org", "project", "env"] as const) {
    const value = typed[field].trim();
    const only = opened[field];
    if (value === "" && only === undefined) {
      return {
        field,
        problem: `The token does not say which ${LABELS[field].toLowerCase()}. Type its name.`,
      };
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
