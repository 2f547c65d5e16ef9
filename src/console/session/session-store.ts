/**
 * The session of this browser. The page key is in `localStorage`, which belongs to this origin with its port, so all
 * tabs share the session. The page key opens nothing without the cookie, which no script can read.
 */
import type { Schemas } from "../../client/index.ts";
import { refusalOf, unreachable } from "../../client/transport.ts";
import type { Scope } from "../pages.ts";
import { storeOf } from "../ui/stores.ts";
import type { Choices, Holder, Login, Session } from "./sign-in.ts";

/** Under this key the storage has the session. */
export const SESSION_KEY = "action-runs.session";
/** A session is renewed at most once in this time, when somebody uses the page. */
const RENEW_AFTER_MS = 60 * 60 * 1000;

type SessionStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

interface SessionState {
  readonly session: Session | null;
  /** Why nobody is signed in, as the sign-in page says it. Null if nothing happened. */
  readonly notice: string | null;
}

export type SessionStore = ReturnType<typeof createSessionStore>;

const ENDED = "Your session ended. It expired, somebody ended it, or its token ended.";

/** `now`: the clock, in ms. */
export function createSessionStore(storage: SessionStorage, api: SessionApi, now: () => number) {
  const { state, become, subscribe } = storeOf<SessionState>({ session: read(storage), notice: null });

  function keep(session: Session | null, notice: string | null = null): void {
    if (session === null) storage.removeItem(SESSION_KEY);
    else storage.setItem(SESSION_KEY, JSON.stringify(session));
    become({ session, notice });
  }
  /**
   * Reads the storage again. Call it when another tab wrote it, and when the browser shows a page that it had kept in
   * memory.
   */
  function recheck(): void {
    const kept = read(storage);
    if (kept?.pageKey !== state().session?.pageKey) become({ session: kept, notice: null });
  }

  return {
    api,
    state,
    subscribe,
    recheck,
    begin({ pageKey, holder }: Begun, scope: Scope): void {
      keep({ pageKey, holder, renewedAt: now(), scope });
    },
    /** Notes the environment that was visited last. */
    visit(envName: string): void {
      const { session, notice } = state();
      if (session === null || session.scope.envName === envName) return;
      keep({ ...session, scope: { ...session.scope, envName } }, notice);
    },
    /** Somebody uses the page, so the session must last longer. Sends at most one request an hour. */
    use(): void {
      const { session, notice } = state();
      if (!isRenewable(session, now())) return;
      // Another tab may have asked meanwhile.
      const kept = read(storage);
      if (kept?.pageKey !== session?.pageKey || !isRenewable(kept, now())) return;
      const { pageKey } = kept;
      keep({ ...kept, scope: session.scope, renewedAt: now() }, notice);
      const adopt = (holder: Holder) => {
        const { session: latest, notice } = state();
        if (latest?.pageKey === pageKey) keep({ ...latest, holder }, notice);
      };
      // The next use tries again, and a session that ended shows itself at the next read.
      api.renew(pageKey).then(adopt, () => {});
    },
    /** The service refused this page key. The page stays where it is, and the sign-in leads back to it. */
    expire(pageKey: string): void {
      recheck();
      // A late response to a request of an earlier session must not end this one.
      if (state().session?.pageKey === pageKey) keep(null, ENDED);
    },
    /** Nobody is signed in, and the sign-in page says why. */
    refuse: (notice: string) => keep(null, notice),
    /** Forgets the session at once, and then tells the service. Throws if that fails. */
    async end(): Promise<void> {
      const { session } = state();
      keep(null);
      if (session !== null) await api.end(session.pageKey);
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
  /** The code of a link that `npm start` printed. With a project, of a sign-in at the issuer, and what the person chose. */
  | { readonly token?: undefined; readonly code: string; readonly project?: string; readonly tokenId?: string };

interface Begun {
  readonly pageKey: string;
  readonly holder: Holder;
}

export type SessionApi = ReturnType<typeof createSessionApi>;

/** All calls throw an ActionRunsError. */
export function createSessionApi() {
  async function send(method: string, path: string, headers: Record<string, string>, body: unknown = {}) {
    const init = { method, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) };
    const response = await fetch(path, init).catch((cause: unknown) => {
      throw unreachable(`No response came from ${location.host}`, cause);
    });
    if (!response.ok) throw refusalOf(response, await response.text());
    return response;
  }
  const withKey = (pageKey: string) => ({ "Action-Runs-Page-Key": pageKey });
  return {
    /** Who signed in at the issuer, and what that opens. The code stays good. */
    async choices(code: string): Promise<Choices> {
      return (await send("POST", "/session/sign-in", {}, { code })).json();
    },
    /** A code with which the command line at a port of this machine gets a session. */
    async loginCode(pageKey: string, login: Login): Promise<{ readonly code: string }> {
      return (await send("POST", "/session/login-codes", withKey(pageKey), login)).json();
    },
    async begin({ token, ...beginning }: Beginning): Promise<Begun> {
      const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
      const begun: Schemas["BegunSession"] = await (await send("POST", "/session", headers, beginning)).json();
      const { pageKey, ...holder } = begun;
      return { pageKey, holder };
    },
    async renew(pageKey: string): Promise<Holder> {
      return (await send("POST", "/session/renew", withKey(pageKey))).json();
    },
    async end(pageKey: string): Promise<void> {
      await send("DELETE", "/session", withKey(pageKey));
    },
  };
}
