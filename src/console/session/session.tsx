/**
 * The session of this browser, and the session as pages use it: the API's client for the scope of the page, and what its
 * token may do. The page key is in `localStorage`, which belongs to this origin with its port, so all tabs share the
 * session. The page key opens nothing without the cookie, which no script can read.
 */
import type { ComponentChildren } from "preact";
import { useCallback, useMemo, useState } from "preact/hooks";
import { createClient, type Schemas } from "../../client/index.ts";
import { refusalOf, unreachable } from "../../client/transport.ts";
import type { Scope } from "../pages.ts";
import { contextOf, storeOf } from "../ui/stores.ts";
import type { Choices, Holder, Login, Permission, Session } from "./sign-in.ts";

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

type Begun = Pick<Session, "pageKey" | "holder">;

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

/* SECTION: The session as pages use it. */

/** Whom a command in a terminal asks, about what, and for whom if the token acts for others. */
export interface Target {
  readonly origin: string;
  readonly scope: Scope;
  readonly person?: string | null;
}

export const [SessionStoreProvider, useSessionStore] = contextOf<SessionStore>("session store");

export type ActiveSession = ReturnType<typeof useActiveSession>;

const [ActiveSessionProvider, useSession] = contextOf<ActiveSession>("session");

export { useSession };

interface SessionProviderProps {
  readonly session: Session;
  readonly scope: Scope;
  readonly children: ComponentChildren;
}

export function SessionProvider({ session, scope, children }: SessionProviderProps) {
  return <ActiveSessionProvider value={useActiveSession(session, scope)}>{children}</ActiveSessionProvider>;
}

/** The retries of a change. Each has an idempotency key, so a repeat does no harm. */
const CHANGE_RETRIES = 2;

function useActiveSession({ pageKey, holder }: Session, { o, p, envName }: Scope) {
  const store = useSessionStore();
  const [person, setPerson] = useState<string | null>(null);
  const clientIn = useCallback(
    (env: string, retries = CHANGE_RETRIES) =>
      createClient({
        baseUrl: location.origin,
        pageKey,
        // Also for reading, because the service says what this person may decide.
        onBehalfOf: person ?? undefined,
        org: o,
        project: p,
        env,
        retries,
        async fetch(input, init) {
          const response = await fetch(input, init);
          if (response.status === 401) store.expire(pageKey);
          return response;
        },
      }),
    [store, pageKey, person, o, p],
  );
  const clients = useMemo(
    () => ({
      /** For changes and event streams. */
      client: clientIn(envName),
      /** For what a page shows. It tries once, because the page shows the failure and tries again by itself. */
      reader: clientIn(envName, 0),
    }),
    [clientIn, envName],
  );
  return useMemo(() => {
    const scope = { o, p, envName };
    return {
      holder,
      /** For whom this page acts: the token's own person, or whom somebody named. Null: for nobody in particular. */
      person: person ?? holder.person,
      /**
       * Names the person, if the token may act for others. Kept in memory only: a new page or tab names nobody, so that
       * nobody acts in another's name unseen. Null: nobody is named any more.
       */
      actFor: setPerson,
      /** The scope of the page. On a page of the whole project, it has the environment that was visited last. */
      scope,
      target: { origin: location.origin, scope, person } satisfies Target,
      ...clients,
      /** The client for changes in another environment of the project. */
      clientIn,
      /** Show a button only if the token may do what the button does. */
      may: (permission: Permission) => holder.permissions.includes(permission),
    };
  }, [clients, clientIn, person, holder, o, p, envName]);
}
