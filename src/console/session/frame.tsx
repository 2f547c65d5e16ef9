/** What stands around every page: the scope, the navigation, the help and the way out. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { countText } from "../../words/statuses.ts";
import { GateNewsProvider, useGateNews } from "../gates/gate-news.tsx";
import { PauseBanner } from "../gates/pause.tsx";
import { HelpDialog, useKeys } from "../keys.tsx";
import type { Page, Scope } from "../pages.ts";
import { hrefOf, Link, useRouter } from "../router.tsx";
import { useOnChange } from "../ui/load.tsx";
import { Brand } from "../ui/parts.tsx";
import { EnvironmentDialog } from "./environment-dialog.tsx";
import { type ActiveSession, useSession } from "./session.tsx";
import { SessionMenu } from "./session-menu.tsx";

interface FrameProps {
  /** null if the address names no page. */
  readonly page: Page | null;
  readonly scope: Scope;
  readonly children: ComponentChildren;
}

interface Section {
  readonly label: string;
  readonly to: Page;
  /** The pages that belong to it. */
  readonly of: readonly Page["name"][];
  readonly keys: string;
}

export function Frame(props: FrameProps) {
  return (
    <GateNewsProvider>
      <FrameParts {...props} />
    </GateNewsProvider>
  );
}

function FrameParts({ page, scope, children }: FrameProps) {
  const router = useRouter();
  const session = useSession();
  const [isHelpOpen, setHelpOpen] = useState(false);
  const sections = sectionsOf(session);
  const current = sections.find(({ of }) => page !== null && of.includes(page.name));
  useKeys("Everywhere", [
    ...sections.map(({ label, to, keys }) => ({
      keys,
      label: `Go to ${label.toLowerCase()}`,
      run: () => router.navigate(hrefOf(to)),
    })),
    {
      keys: "g b",
      label: "Go to bulk operations",
      run: () => router.navigate(hrefOf({ name: "operations", ...scope })),
    },
    { keys: "?", label: "This help", run: () => setHelpOpen(true) },
  ]);
  const main = useRef<HTMLElement>(null);
  // The focus goes to the new page, so that a screen reader reads it and Tab starts there.
  useOnChange(nameIn(page) ?? current?.label, () => {
    main.current?.focus();
    window.scrollTo(0, 0);
  });
  const nav = useRef<HTMLElement>(null);
  // On a phone the navigation scrolls.
  useEffect(() => {
    nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current?.label]);
  const title = page?.name.startsWith("operation") ? "Bulk operations" : (current?.label ?? "Console");
  useEffect(() => {
    document.title = `${title} · ${scope.p}/${scope.envName} · Action runs`;
  }, [title, scope.p, scope.envName]);

  return (
    <div class="frame">
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header class="top row no-wrap gap-12">
        <Brand />
        <ScopeButton scope={scope} />
        <nav ref={nav} aria-label="Console">
          {sections.map(({ label, to }) => (
            <Link key={label} href={hrefOf(to)} aria-current={label === current?.label ? "page" : undefined}>
              {label}
              {to.name === "approvals" ? <ApprovalCount /> : null}
            </Link>
          ))}
        </nav>
        <SessionMenu onHelp={() => setHelpOpen(true)} />
      </header>
      {page !== null && "envName" in page ? <PauseBanner /> : null}
      <main id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
      {isHelpOpen ? <HelpDialog onClose={() => setHelpOpen(false)} /> : null}
    </div>
  );
}

const OWN_PAGES: ReadonlySet<Page["name"]> = new Set([
  "operations",
  "new-action",
  "edit-action",
  "new-endpoint",
  "edit-endpoint",
  "new-schedule",
  "edit-schedule",
]);

/** The name of the one thing that a page is about. Of runs, the list stays beside it. */
function nameIn(page: Page | null): string | null {
  if (page?.name === "action") return page.action;
  if (page?.name === "schedule") return page.schedule;
  if (page?.name === "endpoint") return page.endpoint;
  if (page?.name === "operation") return page.id;
  return page !== null && OWN_PAGES.has(page.name) ? page.name : null;
}

function sectionsOf({ scope, may, holder }: ActiveSession): readonly Section[] {
  const { o, p } = scope;
  const tokens = may("tokens:manage");
  const all: readonly (Section | false)[] = [
    { label: "Runs", to: { name: "runs", ...scope }, of: ["runs", "run", "operations", "operation"], keys: "g r" },
    {
      label: "Actions",
      to: { name: "actions", ...scope },
      of: ["actions", "action", "new-action", "edit-action"],
      keys: "g a",
    },
    {
      label: "Schedules",
      to: { name: "schedules", ...scope },
      of: ["schedules", "schedule", "new-schedule", "edit-schedule"],
      keys: "g s",
    },
    // Others find these runs by the filter of the list.
    holder.mayApprove && { label: "Approvals", to: { name: "approvals", ...scope }, of: ["approvals"], keys: "g p" },
    { label: "Groups", to: { name: "groups", ...scope }, of: ["groups"], keys: "g o" },
    may("webhooks:manage") && {
      label: "Notifications",
      to: { name: "notifications", ...scope },
      of: ["notifications", "endpoint", "new-endpoint", "edit-endpoint"],
      keys: "g n",
    },
    tokens && { label: "Tokens", to: { name: "tokens", o, p }, of: ["tokens"], keys: "g t" },
    tokens && { label: "Audit", to: { name: "audit", o, p }, of: ["audit"], keys: "g l" },
  ];
  return all.filter((section) => section !== false);
}

/** How many runs wait for approval. Nothing while none does. */
function ApprovalCount() {
  const { approvals } = useGateNews();
  if (approvals === null || approvals === 0) return null;
  return (
    <span class="nav-count small">
      {countText(approvals)}
      <span class="only-heard"> waiting</span>
    </span>
  );
}

/** Shows the scope of the page. With a token of the whole project, it opens the dialog that changes the environment. */
function ScopeButton({ scope }: { readonly scope: Scope }) {
  const { holder } = useSession();
  const [isOpen, setOpen] = useState(false);
  const text = (
    <>
      <span class="scope-project is-wide muted">
        {scope.o} <span class="slash">/</span> {scope.p} <span class="slash">/</span>
      </span>{" "}
      {scope.envName}
    </>
  );
  if (holder.envName !== null) return <span class="scope cut">{text}</span>;
  return (
    <>
      <button type="button" class="scope cut" title="Change the environment" onClick={() => setOpen(true)}>
        {text}
      </button>
      {isOpen ? <EnvironmentDialog scope={scope} onClose={() => setOpen(false)} /> : null}
    </>
  );
}
