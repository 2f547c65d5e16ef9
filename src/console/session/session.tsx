/** The session as pages use it: the API's client for the scope of the page, and what its token may do. */
import type { ComponentChildren } from "preact";
import { useCallback, useMemo, useState } from "preact/hooks";
import { createClient } from "../../client/index.ts";
import type { Scope } from "../pages.ts";
import { contextOf } from "../ui/stores.ts";
import type { SessionStore } from "./session-store.ts";
import type { Permission, Session } from "./sign-in.ts";

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
