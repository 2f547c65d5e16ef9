/** Chooses what to show: the sign-in page while nobody is signed in, otherwise the page that the address names. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ActionEditorPage } from "./actions/action-editor.tsx";
import { ActionsPage } from "./actions/action-list.tsx";
import { ActionPage } from "./actions/action-page.tsx";
import { OperationPage, OperationsPage } from "./bulk/operations.tsx";
import { ApprovalsPage } from "./gates/approvals-page.tsx";
import { GroupsPage } from "./gates/groups-page.tsx";
import { GateNewsProvider } from "./gates/pause.tsx";
import { EndpointEditorPage } from "./notifications/endpoint-editor.tsx";
import { EndpointPage } from "./notifications/endpoint-page.tsx";
import { NotificationsPage } from "./notifications/notifications-page.tsx";
import { type Page, type Scope, scopeOf } from "./pages.ts";
import { hrefOf, Link, useRoute, useRouter } from "./router.tsx";
import { RunsPage } from "./runs/runs-page.tsx";
import { ScheduleEditorPage } from "./schedules/schedule-editor.tsx";
import { SchedulePage, SchedulesPage } from "./schedules/schedule-pages.tsx";
import { Frame } from "./session/frame.tsx";
import { ChoicePage, CommandLinePage } from "./session/identity-pages.tsx";
import { SessionProvider, useSessionStore } from "./session/session.tsx";
import { type Handed, opens, type Permission, type Session } from "./session/sign-in.ts";
import { LinkPage, SignInPage } from "./session/sign-in-page.tsx";
import { AuditPage } from "./tokens/audit-page.tsx";
import { TokensPage } from "./tokens/tokens-page.tsx";
import { Empty, NotYours } from "./ui/parts.tsx";
import { useStore } from "./ui/stores.ts";

export function App({ handed }: { readonly handed: Handed }) {
  const { code } = handed;
  const { session, notice } = useStore(useSessionStore());
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
      <GateNewsProvider>
        <Frame page={page} scope={scope}>
          {page === null || !opens(session.holder, named) ? (
            <Elsewhere session={session} isPage={page !== null} />
          ) : (
            contentOf(page, session)
          )}
        </Frame>
      </GateNewsProvider>
    </SessionProvider>
  );
}

type PageOf<N extends Page["name"]> = Extract<Page, { readonly name: N }>;

/** What each page shows. A key makes the page of another thing begin anew. */
const CONTENTS: { readonly [N in Page["name"]]: (page: PageOf<N>) => ComponentChildren } = {
  "sign-in": () => null,
  choice: () => null,
  cli: () => null,
  runs: (page) => runsPage(page, null),
  run: (page) => runsPage(page, page.id),
  operations: () => <OperationsPage />,
  operation: ({ id }) => <OperationPage key={id} id={id} />,
  actions: () => <ActionsPage />,
  action: ({ action }) => <ActionPage key={action} name={action} />,
  "new-action": () => <ActionEditorPage name={null} />,
  "edit-action": ({ action }) => <ActionEditorPage key={action} name={action} />,
  schedules: () => <SchedulesPage />,
  schedule: ({ schedule }) => <SchedulePage key={schedule} name={schedule} />,
  "new-schedule": () => <ScheduleEditorPage name={null} />,
  "edit-schedule": ({ schedule }) => <ScheduleEditorPage key={schedule} name={schedule} />,
  approvals: () => <ApprovalsPage />,
  groups: () => <GroupsPage />,
  notifications: () => <NotificationsPage />,
  endpoint: ({ endpoint }) => <EndpointPage key={endpoint} name={endpoint} />,
  "new-endpoint": () => <EndpointEditorPage name={null} />,
  "edit-endpoint": ({ endpoint }) => <EndpointEditorPage key={endpoint} name={endpoint} />,
  tokens: () => <TokensPage />,
  audit: () => <AuditPage />,
};

/** One component, so that the list stays as it is beside a run. */
function runsPage({ o, p, envName }: Scope, runId: string | null) {
  return <RunsPage key={`${o}/${p}/${envName}`} runId={runId} />;
}

/** The pages that not every token opens: what they show, and what a token needs for them. */
const NEEDED: { readonly [N in Page["name"]]?: readonly [what: string, permission: Permission] } = {
  "new-action": ["this page", "actions:manage"],
  "edit-action": ["this page", "actions:manage"],
  "new-schedule": ["this page", "actions:manage"],
  "edit-schedule": ["this page", "actions:manage"],
  notifications: ["notifications", "webhooks:manage"],
  endpoint: ["notifications", "webhooks:manage"],
  "new-endpoint": ["this page", "webhooks:manage"],
  "edit-endpoint": ["this page", "webhooks:manage"],
  tokens: ["tokens", "tokens:manage"],
  audit: ["the audit log", "tokens:manage"],
};

function contentOf(page: Page, { holder }: Session): ComponentChildren {
  const needed = NEEDED[page.name];
  if (needed && !holder.permissions.includes(needed[1])) return <NotYours what={needed[0]} />;
  return (CONTENTS[page.name] as (page: Page) => ComponentChildren)(page);
}

function Elsewhere({ session, isPage }: { readonly session: Session; readonly isPage: boolean }) {
  const { project, envName } = session.holder;
  const opened = envName === null ? project : `${project}/${envName}`;
  return (
    <Empty isPage title={isPage ? "Your session does not open this address" : "There is no page at this address"}>
      {isPage ? <p>It opens {opened}. To see anything else, sign out, and sign in to that.</p> : null}
      <p>
        <Link class="button is-plain" href={hrefOf({ name: "runs", ...session.scope })}>
          Go to your runs
        </Link>
      </p>
    </Empty>
  );
}
