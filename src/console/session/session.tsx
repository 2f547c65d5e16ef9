/** The session as pages use it: the API's client for the scope of the page, and what its token may do. */
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { type Client, createClient } from "../../client/index.ts";
import type { Scope } from "../pages.ts";
import { contextOf } from "../ui/context.ts";
import type { SessionApi, SessionState, SessionStore } from "./session-store.ts";
import type { Holder, Permission, Session } from "./sign-in.ts";

/** The retries of a change. Each has an idempotency key, so a repeat does no harm. */
const CHANGE_RETRIES = 2;

/** Whom a command asks, and about what. A whole project has no environment. */
export interface Target {
  /** Of the service. */
  readonly origin: string;
  readonly scope: { readonly o: string; readonly p: string; readonly envName?: string };
  /** For whom, if the token acts for others. */
  readonly person?: string | null;
}

export interface ActiveSession {
  readonly holder: Holder;
  /** For whom this page acts: the token's own person, or whom somebody named. Null: for nobody in particular. */
  readonly person: string | null;
  /**
   * Names the person, if the token may act for others. Kept in memory only: a new page or tab names nobody, so that
   * nobody acts in another's name unseen. Null: nobody is named any more.
   */
  readonly actFor: (person: string | null) => void;
  /** The scope of the page. On a page of the whole project, it has the environment that was visited last. */
  readonly scope: Scope;
  /** Whom the same commands in a terminal ask, and for whom. */
  readonly target: Target;
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
export const [ActiveSessionProvider, useSession] = contextOf<ActiveSession>("session");

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
  const [person, setPerson] = useState<string | null>(null);
  const clientsIn = useCallback(
    (other: string) => clientsOf(store, pageKey, person, { o, p, envName: other }),
    [store, pageKey, person, o, p],
  );
  const clients = useMemo(() => clientsIn(envName), [clientsIn, envName]);
  const value = useMemo(
    () => ({
      holder,
      person: person ?? holder.person,
      actFor: setPerson,
      scope: { o, p, envName },
      target: { origin: location.origin, scope: { o, p, envName }, person },
      ...clients,
      clientIn: (other: string) => clientsIn(other).client,
      may: (permission: Permission) => holder.permissions.includes(permission),
    }),
    [clients, clientsIn, person, holder, o, p, envName],
  );
  return <ActiveSessionProvider value={value}>{children}</ActiveSessionProvider>;
}

function clientsOf(
  store: SessionStore,
  pageKey: string,
  person: string | null,
  scope: Scope,
): Pick<ActiveSession, "client" | "reader"> {
  const settings = {
    baseUrl: location.origin,
    pageKey,
    // Also for reading, because the service says what this person may decide.
    onBehalfOf: person ?? undefined,
    org: scope.o,
    project: scope.p,
    env: scope.envName,
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
