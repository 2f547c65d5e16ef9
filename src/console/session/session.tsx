/** The session as pages use it: the API's client for the scope of the page, and what its token may do. */

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { bookmarksInMemory } from "../../client/bookmark.ts";
import { type Client, createClient } from "../../client/index.ts";
import type { Scope } from "../routes/pages.ts";
import { contextOf } from "../ui/context.ts";
import type { SessionApi } from "./session-api.ts";
import type { SessionState, SessionStore } from "./session-store.ts";
import type { Holder, Permission, Session } from "./sign-in.ts";

/** The retries of a change. Each has an idempotency key, so a repeat does no harm. */
const CHANGE_RETRIES = 2;

export interface ActiveSession {
  readonly holder: Holder;
  /** The scope of the page. On a page of the whole project, it has the environment that was visited last. */
  readonly scope: Scope;
  /** For changes and event streams. It retries twice. */
  readonly client: Client;
  /** For what a page shows. It tries once, because the page shows the failure and tries again by itself. */
  readonly reader: Client;
  /** The client for changes in another environment of the project. */
  readonly clientIn: (envName: string) => Client;
  /** Show a button only if the token may do what the button does. */
  readonly may: (permission: Permission) => boolean;
}

export const [SessionStoreProvider, useSessionStore] = contextOf<SessionStore>("session store");
export const [SessionApiProvider, useSessionApi] = contextOf<SessionApi>("session API");

/** Everything below the provider has a session. */
const [ActiveSessionProvider, useSession] = contextOf<ActiveSession>("session");

export { useSession };

export function useSessionState(): SessionState {
  const store = useSessionStore();
  const [state, setState] = useState(store.state);
  useEffect(() => {
    const update = () => setState(store.state());
    update();
    return store.subscribe(update);
  }, [store]);
  return state;
}

interface SessionProviderProps {
  readonly session: Session;
  readonly scope: Scope;
  readonly children: ComponentChildren;
}

export function SessionProvider({ session, scope, children }: SessionProviderProps) {
  const store = useSessionStore();
  const { pageKey, holder } = session;
  const { o, p, envName } = scope;
  const clients = useMemo(
    () => clientsOf(store, pageKey, { o, p, envName }),
    [store, pageKey, o, p, envName],
  );
  const value = useMemo(
    () => ({
      holder,
      scope: { o, p, envName },
      ...clients,
      clientIn: (other: string) => clientsOf(store, pageKey, { o, p, envName: other }).client,
      may: (permission: Permission) => holder.permissions.includes(permission),
    }),
    [clients, store, pageKey, holder, o, p, envName],
  );
  return <ActiveSessionProvider value={value}>{children}</ActiveSessionProvider>;
}

function clientsOf(
  store: SessionStore,
  pageKey: string,
  scope: Scope,
): Pick<ActiveSession, "client" | "reader"> {
  const settings = {
    baseUrl: location.origin,
    pageKey,
    org: scope.o,
    project: scope.p,
    env: scope.envName,
    // Shared, so that a page shows what a change of this session did.
    bookmarks: bookmarksInMemory(),
    async fetch(input: RequestInfo | URL, init?: RequestInit) {
      const response = await fetch(input, init);
      if (response.status === 401) store.expire(pageKey);
      return response;
    },
  };
  return {
    client: createClient({ ...settings, retries: CHANGE_RETRIES }),
    reader: createClient({ ...settings, retries: 0 }),
  };
}
