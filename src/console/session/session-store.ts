/**
 * The session of this browser. The page key is in `localStorage`, which belongs to this origin with its port, so all
 * tabs share the session. The page key opens nothing without the cookie, which no script can read.
 */
import type { components } from "../../client/index.ts";
import { refusalOf, unreachable } from "../../client/transport.ts";
import type { Scope } from "../pages.ts";
import type { Choices, Login } from "./identity.ts";
import type { Holder, Session } from "./sign-in.ts";

/** Under this key the storage has the session. */
export const SESSION_KEY = "action-runs.session";
/** A session is renewed at most once in this time, when somebody uses the page. */
const RENEW_AFTER_MS = 60 * 60 * 1000;

type SessionStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export interface SessionState {
  readonly session: Session | null;
  /** Why nobody is signed in, as the sign-in page says it. Null if nothing happened. */
  readonly notice: string | null;
}

export interface SessionStore {
  readonly state: () => SessionState;
  readonly begin: (begun: { readonly pageKey: string; readonly holder: Holder }, scope: Scope) => void;
  /** Notes the environment that was visited last. */
  readonly visit: (envName: string) => void;
  /**
   * Reads the storage again. Call it when another tab wrote it, and when the browser shows a page that it had kept in
   * memory.
   */
  readonly recheck: () => void;
  /** Somebody uses the page, so the session must last longer. Sends at most one request an hour. */
  readonly use: () => void;
  /** The service refused this page key. The page stays where it is, and the sign-in leads back to it. */
  readonly expire: (pageKey: string) => void;
  /** Nobody is signed in, and the sign-in page says why. */
  readonly refuse: (notice: string) => void;
  /** Forgets the session at once, and then tells the service. Throws if that fails. */
  readonly end: () => Promise<void>;
  readonly subscribe: (listener: () => void) => () => void;
}

const ENDED = "Your session ended. It expired, somebody ended it, or its token ended.";

/** `now`: the clock, in ms. */
export function createSessionStore(storage: SessionStorage, api: SessionApi, now: () => number): SessionStore {
  const listeners = new Set<() => void>();
  let state: SessionState = { session: read(storage), notice: null };

  function become(next: SessionState): void {
    state = next;
    for (const listener of [...listeners]) listener();
  }
  function keep(session: Session | null, notice: string | null = null): void {
    if (session === null) storage.removeItem(SESSION_KEY);
    else storage.setItem(SESSION_KEY, JSON.stringify(session));
    become({ session, notice });
  }
  function recheck(): void {
    const kept = read(storage);
    if (kept?.pageKey !== state.session?.pageKey) become({ session: kept, notice: null });
  }

  return {
    state: () => state,
    begin: ({ pageKey, holder }, scope) => keep({ pageKey, holder, renewedAt: now(), scope }),
    visit(envName) {
      const { session } = state;
      if (session === null || session.scope.envName === envName) return;
      keep({ ...session, scope: { ...session.scope, envName } }, state.notice);
    },
    recheck,
    use() {
      const { session, notice } = state;
      if (!isRenewable(session, now())) return;
      // Another tab may have asked meanwhile.
      const kept = read(storage);
      if (kept?.pageKey !== session?.pageKey || !isRenewable(kept, now())) return;
      const { pageKey } = kept;
      keep({ ...kept, scope: session.scope, renewedAt: now() }, notice);
      const adopt = (holder: Holder) => {
        if (state.session?.pageKey === pageKey) keep({ ...state.session, holder }, state.notice);
      };
      // The next use tries again, and a session that ended shows itself at the next read.
      api.renew(pageKey).then(adopt, () => {});
    },
    expire(pageKey) {
      recheck();
      // A late response to a request of an earlier session must not end this one.
      if (state.session?.pageKey === pageKey) keep(null, ENDED);
    },
    refuse: (notice) => keep(null, notice),
    async end() {
      const { session } = state;
      keep(null);
      if (session !== null) await api.end(session.pageKey);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A session that began with ROOT_TOKEN can't be renewed. A clock that stepped back must not prevent a renewal. */
function isRenewable(session: Session | null, now: number): session is Session {
  if (session === null || session.holder.id === null) return false;
  return now < session.renewedAt || now - session.renewedAt >= RENEW_AFTER_MS;
}

function read(storage: SessionStorage): Session | null {
  const text = storage.getItem(SESSION_KEY);
  if (text === null) return null;
  try {
    // Only this module writes the key.
    return JSON.parse(text) as Session;
  } catch {
    storage.removeItem(SESSION_KEY);
    return null;
  }
}

/** What begins a session. `project` is `{o}/{p}`, which ROOT_TOKEN needs. */
type Beginning =
  | { readonly token: string; readonly project: string }
  /** The code of a link that `npm start` printed. */
  | { readonly code: string }
  /** The code of a sign-in at the issuer, and what the person chose. */
  | { readonly code: string; readonly project: string; readonly tokenId: string };

type Begun = components["schemas"]["BegunSession"];

export interface SessionApi {
  /** Who signed in at the issuer, and what that opens. The code stays good. */
  readonly choices: (code: string) => Promise<Choices>;
  /** A code with which the command line at a port of this machine gets a session. */
  readonly loginCode: (pageKey: string, login: Login) => Promise<{ readonly code: string }>;
  readonly begin: (beginning: Beginning) => Promise<{ readonly pageKey: string; readonly holder: Holder }>;
  readonly renew: (pageKey: string) => Promise<Holder>;
  readonly end: (pageKey: string) => Promise<void>;
}

/** All calls throw an ActionRunsError. */
export function createSessionApi(baseUrl: string): SessionApi {
  async function send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: unknown = {},
  ): Promise<Response> {
    const init = { method, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) };
    const response = await fetch(new URL(path, baseUrl), init).catch((cause: unknown) => {
      throw unreachable(`No response came from ${new URL(baseUrl).host}`, cause);
    });
    if (!response.ok) throw refusalOf(response, await response.text());
    return response;
  }
  const withKey = (pageKey: string) => ({ "Action-Runs-Page-Key": pageKey });
  return {
    choices: async (code) => (await send("POST", "/session/sign-in", {}, { code })).json(),
    loginCode: async (pageKey, login) => (await send("POST", "/session/login-codes", withKey(pageKey), login)).json(),
    async begin(beginning) {
      const response =
        "code" in beginning
          ? await send("POST", "/session", {}, beginning)
          : await send(
              "POST",
              "/session",
              { Authorization: `Bearer ${beginning.token}` },
              { project: beginning.project },
            );
      const { pageKey, ...holder } = (await response.json()) as Begun;
      return { pageKey, holder };
    },
    renew: async (pageKey) => (await send("POST", "/session/renew", withKey(pageKey))).json(),
    async end(pageKey) {
      await send("DELETE", "/session", withKey(pageKey));
    },
  };
}
