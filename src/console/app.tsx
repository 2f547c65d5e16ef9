/** Chooses what to show: the sign-in page while nobody is signed in, otherwise the page that the address names. */
import { useEffect, useState } from "preact/hooks";
import { ActionEditorPage } from "./actions/action-editor.tsx";
import { ActionsPage } from "./actions/action-list.tsx";
import { ActionPage } from "./actions/action-page.tsx";
import { OperationsPage } from "./bulk/operation-list.tsx";
import { OperationPage } from "./bulk/operation-page.tsx";
import { ApprovalsPage } from "./gates/approvals-page.tsx";
import { GroupsPage } from "./gates/groups-page.tsx";
import { type Keys, KeysProvider } from "./keys.tsx";
import { EndpointEditorPage } from "./notifications/endpoint-editor.tsx";
import { EndpointPage } from "./notifications/endpoint-page.tsx";
import { NotificationsPage } from "./notifications/notifications-page.tsx";
import { type Page, type Scope, scopeOf } from "./pages.ts";
import { hrefOf, Link, type Router, RouterProvider, useRoute, useRouter } from "./router.tsx";
import { RunsPage } from "./runs/runs-page.tsx";
import { ScheduleEditorPage } from "./schedules/schedule-editor.tsx";
import { SchedulesPage } from "./schedules/schedule-list.tsx";
import { SchedulePage } from "./schedules/schedule-page.tsx";
import { Frame } from "./session/frame.tsx";
import type { Handed } from "./session/identity.ts";
import { ChoicePage, CommandLinePage } from "./session/identity-pages.tsx";
import {
  SessionApiProvider,
  SessionProvider,
  SessionStoreProvider,
  useSessionState,
  useSessionStore,
} from "./session/session.tsx";
import type { SessionApi, SessionStore } from "./session/session-store.ts";
import { opens, type Session } from "./session/sign-in.ts";
import { LinkPage, SignInPage } from "./session/sign-in-page.tsx";
import { AuditPage } from "./tokens/audit-page.tsx";
import { TokensPage } from "./tokens/tokens-page.tsx";
import { NoticesProvider } from "./ui/notices.tsx";
import { Empty } from "./ui/parts.tsx";
import { type Clock, ClockProvider, ZoneProvider } from "./ui/time.tsx";

interface AppProps {
  readonly router: Router;
  readonly sessions: SessionStore;
  readonly sessionApi: SessionApi;
  readonly handed: Handed;
  readonly keys: Keys;
  readonly clock: Clock;
  /** What this browser remembers. */
  readonly storage: Storage;
}

export function App({ router, sessions, sessionApi, handed, keys, clock, storage }: AppProps) {
  return (
    <RouterProvider value={router}>
      <SessionApiProvider value={sessionApi}>
        <SessionStoreProvider value={sessions}>
          <KeysProvider value={keys}>
            <ClockProvider value={clock}>
              <ZoneProvider storage={storage}>
                <NoticesProvider>
                  <Shown handed={handed} />
                </NoticesProvider>
              </ZoneProvider>
            </ClockProvider>
          </KeysProvider>
        </SessionStoreProvider>
      </SessionApiProvider>
    </RouterProvider>
  );
}

function Shown({ handed }: Pick<AppProps, "handed">) {
  const { code } = handed;
  const { session, notice } = useSessionState();
  const { page } = useRoute();
  // Elsewhere, the code is that of a link.
  const [isCodeDone, setCodeDone] = useState(code === null || page?.name === "choice");
  const at = page === null ? null : scopeOf(page);
  if (page?.name === "choice") return <ChoicePage handed={handed} session={session} />;
  if (page?.name === "cli") return <CommandLinePage session={session} />;
  if (code !== null && !isCodeDone) {
    return <LinkPage code={code} session={session} at={at} onDone={() => setCodeDone(true)} />;
  }
  if (session === null) return <SignInPage notice={notice} at={at} />;
  return <SignedIn session={session} page={page} />;
}

function SignedIn({ session, page }: { readonly session: Session; readonly page: Page | null }) {
  const store = useSessionStore();
  const router = useRouter();
  const named = page === null ? null : scopeOf(page);
  const scope: Scope = { ...session.scope, ...named, envName: named?.envName ?? session.scope.envName };
  const home = hrefOf({ name: "runs", ...session.scope });
  const isSignIn = page?.name === "sign-in";

  useEffect(() => {
    if (isSignIn) router.navigate(home, { replace: true });
  }, [router, isSignIn, home]);
  useEffect(() => {
    if (named?.envName != null && opens(session.holder, named)) store.visit(named.envName);
  }, [store, session, named?.envName]);

  if (isSignIn) return null;
  return (
    // Another session names its own person.
    <SessionProvider key={session.pageKey} session={session} scope={scope}>
      <Frame page={page} scope={scope}>
        {page === null || !opens(session.holder, named) ? (
          <Elsewhere session={session} isPage={page !== null} home={home} />
        ) : (
          <Content page={page} />
        )}
      </Frame>
    </SessionProvider>
  );
}

function Content({ page }: { readonly page: Page }) {
  switch (page.name) {
    // One component, so that the list stays as it is beside a run.
    case "runs":
    case "run":
      return <RunsPage key={`${page.o}/${page.p}/${page.envName}`} runId={page.name === "run" ? page.id : null} />;
    case "operations":
      return <OperationsPage />;
    case "operation":
      return <OperationPage key={page.id} id={page.id} />;
    case "actions":
      return <ActionsPage />;
    case "action":
      return <ActionPage key={page.action} name={page.action} />;
    case "new-action":
      return <ActionEditorPage name={null} />;
    case "edit-action":
      return <ActionEditorPage key={page.action} name={page.action} />;
    case "schedules":
      return <SchedulesPage />;
    case "schedule":
      return <SchedulePage key={page.schedule} name={page.schedule} />;
    case "new-schedule":
      return <ScheduleEditorPage name={null} />;
    case "edit-schedule":
      return <ScheduleEditorPage key={page.schedule} name={page.schedule} />;
    case "approvals":
      return <ApprovalsPage />;
    case "groups":
      return <GroupsPage />;
    case "notifications":
      return <NotificationsPage />;
    case "endpoint":
      return <EndpointPage key={page.endpoint} name={page.endpoint} />;
    case "new-endpoint":
      return <EndpointEditorPage name={null} />;
    case "edit-endpoint":
      return <EndpointEditorPage key={page.endpoint} name={page.endpoint} />;
    case "tokens":
      return <TokensPage />;
    case "audit":
      return <AuditPage />;
    case "sign-in":
    case "choice":
    case "cli":
      return null;
  }
}

interface ElsewhereProps {
  readonly session: Session;
  readonly isPage: boolean;
  readonly home: string;
}

function Elsewhere({ session, isPage, home }: ElsewhereProps) {
  const { project, envName } = session.holder;
  const opened = envName === null ? project : `${project}/${envName}`;
  return (
    <Empty isPage title={isPage ? "Your session does not open this address" : "There is no page at this address"}>
      {isPage ? <p>It opens {opened}. To see anything else, sign out, and sign in to that.</p> : null}
      <p>
        <Link class="button is-plain" href={home}>
          Go to your runs
        </Link>
      </p>
    </Empty>
  );
}
