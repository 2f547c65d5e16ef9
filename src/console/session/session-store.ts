/**
 * The session of this tab. It lives in `sessionStorage`, so a reload keeps it and another tab does not have it. The
 * token is nowhere else: in no URL, no cookie and no element.
 */

import { createClient } from "../../client/index.ts";
import type { Session } from "./sign-in.ts";

const KEY = "action-runs.session";

type SessionStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export interface SessionState {
  readonly session: Session | null;
  /** Why the session ended, as the sign-in page says it. Null if nothing happened. */
  readonly notice: string | null;
}

export interface SessionStore {
  readonly state: () => SessionState;
  readonly begin: (session: Session) => void;
  /** Notes the environment that was visited last. */
  readonly visit: (envName: string) => void;
  /** Call it when the browser shows a page that it had kept in memory: the session may have ended meanwhile. */
  readonly recheck: () => void;
  /** The service refused this token. The page stays where it is, and the sign-in leads back to it. */
  readonly expire: (token: string) => void;
  /** Forgets the session at once. Then revokes its token if the sign-in minted it; throws if that fails. */
  readonly end: () => Promise<void>;
  readonly subscribe: (listener: () => void) => () => void;
}

export function createSessionStore(storage: SessionStorage, baseUrl: string): SessionStore {
  const listeners = new Set<() => void>();
  let state: SessionState = { session: read(storage), notice: null };

  function become(next: SessionState): void {
    state = next;
    if (next.session === null) storage.removeItem(KEY);
    else storage.setItem(KEY, JSON.stringify(next.session));
    for (const listener of [...listeners]) listener();
  }

  return {
    state: () => state,
    begin: (session) => become({ session, notice: null }),
    visit(envName) {
      const { session } = state;
      if (session === null || session.scope.envName === envName) return;
      become({ ...state, session: { ...session, scope: { ...session.scope, envName } } });
    },
    recheck() {
      if (state.session !== null && read(storage) === null) become({ session: null, notice: null });
    },
    expire(token) {
      // A late response to a request of an earlier session must not end this one.
      if (state.session?.token !== token) return;
      become({
        session: null,
        notice: "The service no longer accepts your token. It expired or was revoked.",
      });
    },
    async end() {
      const { session } = state;
      become({ session: null, notice: null });
      if (session === null || session.mintedId === null) return;
      const { token, mintedId, scope } = session;
      const client = createClient({ baseUrl, token, org: scope.o, project: scope.p, env: scope.envName });
      await client.tokens.revoke(mintedId);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function read(storage: SessionStorage): Session | null {
  const text = storage.getItem(KEY);
  if (text === null) return null;
  try {
    // Only this module writes the key.
    return JSON.parse(text) as Session;
  } catch {
    storage.removeItem(KEY);
    return null;
  }
}
